"""What repairs would change in contacts, in the list, and in what is remembered: pure functions of the planner's inputs, which
take whole frames of contacts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC

import polars as pl

from diagnostics.causes.addresses import certainly_valid
from diagnostics.causes.bounced import REASON
from diagnostics.causes.field_type import UNREADABLE
from diagnostics.causes.inclusion import COMPLETE
from diagnostics.causes.list_clauses import live_criteria, meets
from diagnostics.causes.opt_in import OPTED_OUT_OF_ALL, SUBSCRIBED, SUBSCRIPTION
from diagnostics.repairs.repair import Effect, Hypothetical
from engine.canonical import email_key
from engine.gates import Situation
from engine.mapped_pair import MappedPair, mapped_pairs
from engine.memory import DECISION
from engine.merge import differences
from engine.runs import iso
from engine.schema import SIDES, Side


def _with(given: Hypothetical, **columns: pl.Expr) -> Hypothetical:
    return replace(given, contacts=given.contacts.with_columns(**columns))


def _held(given: Hypothetical, column: str) -> pl.Expr:
    """A column, or nothing where it was not read."""
    return pl.col(column) if column in given.contacts.columns else pl.lit(None, pl.String)


def nothing(given: Hypothetical) -> Hypothetical:
    """What would change is not known."""
    return given


def own_address(situation: Situation, side: Side) -> Effect:
    """The side's record has a valid address that no other has: the one of the other side where only that is valid, else a
    made-up one, the contact's number at a reserved domain. By it, it is nobody else's record."""

    def effect(given: Hypothetical) -> Hypothetical:
        other: Side = "app" if side == "hubspot" else "hubspot"
        column, theirs = (f"{one}.{situation.schemas[one].identity_field}" for one in (side, other))
        mine, others = _held(given, column).str.strip_chars(), _held(given, theirs).str.strip_chars()
        only_theirs = certainly_valid(others).fill_null(False) & ~certainly_valid(mine).fill_null(False)
        made_up = pl.concat_str(pl.lit("contact"), "contact", pl.lit("@placeholder.example"))
        address = pl.when(only_theirs).then(others).otherwise(made_up)
        # A HubSpot record's address decides wherever there is one.
        decides = pl.col(side) if side == "hubspot" else pl.col("app") & ~pl.col("hubspot")
        bounced = f"hubspot.{REASON}"
        forgotten = {bounced: pl.when(pl.col(bounced).is_not_null()).then(pl.lit(""))} if side == "hubspot" else {}
        alone = pl.col(side) & ~pl.col("linked")
        no_other = {f"{one}_twins": pl.when(alone).then(pl.col(one).cast(pl.Int64)) for one in SIDES}
        no_other |= {f"{one}_candidates": pl.when(alone).then(pl.lit("")) for one in SIDES}
        return _with(
            given,
            **{column: pl.when(side).then(address).otherwise(_held(given, column))},
            email=pl.when(decides).then(address).otherwise("email"),
            email_key=pl.when(decides).then(email_key(address)).otherwise("email_key"),
            **(forgotten if bounced in given.contacts.columns else {}),
            **{name: there.otherwise(name) for name, there in no_other.items()},
            **{f"{other}_holder": pl.when(~pl.col(side)).then(f"{other}_holder")},
            **{f"{other}_swap": pl.col(f"{other}_swap") & ~pl.col(side)},
        )

    return effect


def one_record(given: Hypothetical) -> Hypothetical:
    """The records that would be one contact are one."""
    return _with(
        given,
        **{f"{side}_twins": pl.col(side).cast(pl.Int64) for side in SIDES},
        **{f"{side}_candidates": pl.lit("") for side in SIDES},
    )


def free_address(given: Hypothetical) -> Hypothetical:
    """No other record holds the address that the contact is to get."""
    gone = {f"{side}_holder": pl.lit(None, pl.String) for side in SIDES}
    return _with(given, **gone, **{f"{side}_swap": pl.lit(False) for side in SIDES})


def unlinked(given: Hypothetical) -> Hypothetical:
    """The link to a record that is gone has ended; the record that is left is alone."""
    gone = {f"{side}_id": pl.when(side).then(f"{side}_id") for side in SIDES}
    return _with(given, **gone, linked=pl.lit(False))


def filled(pair: MappedPair | None, side: Side, name: str, sample: str) -> Effect:
    """The side's record has a value in the field that the other side takes: the one which the other side has already, else the
    sample, a value of the other side. Without a mapping the sample is the side's own value."""

    def effect(given: Hypothetical) -> Hypothetical:
        column, unreadable = f"{side}.{name}", f"{side}.{UNREADABLE}"
        value: pl.Expr = pl.lit(sample)
        if pair is not None:
            other: Side = "app" if side == "hubspot" else "hubspot"
            there = _held(given, pair.column(other))
            known = there.is_not_null() & (there.str.strip_chars() != "")
            value = pair.translated(pl.when(known).then(there).otherwise(pl.lit(sample)), side)
        given = _with(given, **{column: pl.when(side).then(value).otherwise(_held(given, column))})
        if unreadable in given.contacts.columns:
            given = _with(given, **{unreadable: _without(given.contacts[unreadable], name)})
        return given

    return effect


def _without(notes: pl.Series, name: str) -> pl.Expr:
    """The notes on unreadable values without the field's."""
    rest = {}
    for note in notes.unique().to_list():
        left = {field: why for field, why in json.loads(note).items() if field != name} if note else {}
        rest[note] = json.dumps(left) if left else ""
    return pl.lit(notes.replace_strict(rest, return_dtype=pl.String))


def agreed_in_hubspot(situation: Situation) -> dict[str, str]:
    """What HubSpot's properties hold of a person who has agreed: what the opt-in rule asks for, and no opt-out of everything."""
    rule = situation.connection.opt_in
    said = {OPTED_OUT_OF_ALL: "false", SUBSCRIPTION: SUBSCRIBED}
    return said | ({rule.property: rule.accepted[0]} if rule is not None and rule.property else {})


def consents_in_hubspot(given: Hypothetical) -> Hypothetical:
    """The person has agreed, and HubSpot says so."""
    said = {f"hubspot.{name}": text for name, text in agreed_in_hubspot(given.situation).items()}
    return _with(
        given,
        **{
            name: pl.when("hubspot").then(pl.lit(text)) for name, text in said.items() if name in given.contacts.columns
        },
    )


def subscribes_in_app(given: Hypothetical) -> Hypothetical:
    """The person has subscribed in the app."""
    consent = given.situation.schemas["app"].consent
    if consent is None:
        return given
    return _with(given, **{f"app.{consent.name}": pl.when("app").then(pl.lit(consent.accepted[0]))})


def says_the_same(mapping: str) -> Effect:
    """The person has said on both sides what one side has already."""

    def effect(given: Hypothetical) -> Hypothetical:
        chosen = next((one for one in given.situation.connection.mappings if one.name == mapping), None)
        if chosen is None:
            return given
        ours, theirs = f"hubspot.{chosen.hubspot}", f"app.{chosen.app}"
        empty = pl.col(ours).str.strip_chars() == ""
        agreed = decided(mapping)(given)
        return _with(
            agreed,
            **{ours: pl.when(empty).then(theirs).otherwise(ours), theirs: pl.when(empty).then(theirs).otherwise(ours)},
        )

    return effect


def following_criteria(before: Hypothetical, after: Hypothetical, did: pl.DataFrame | None = None) -> Hypothetical:
    """Contacts that meet the list's criteria by what was changed, in them or in the criteria, are its members, and those that
    ceased to meet them are not.

    For lists that follow their criteria; where the answer is not known, membership stays. `did`: what `meeting` says of those before,
    if that is known.
    """
    unchanged = before.situation.inclusion == after.situation.inclusion and before.contacts.equals(after.contacts)
    if live_criteria(before.situation) is None or unchanged:
        return after
    did = meeting(before) if did is None else did
    does = meets(lists_not_followed(before.contacts, after), after.contacts.columns)
    since = pl.when(pl.col("_does") & ~pl.col("_did").fill_null(False)).then(_now(after)).otherwise("member_since")
    left = ~pl.col("_does") & pl.col("_did")
    contacts = (
        after.contacts.join(did, on="contact", how="left", maintain_order="left")
        .with_columns(_does=does.fill_null(pl.col("_did")) & pl.col("hubspot"))
        .with_columns(
            member_since=pl.when(left.fill_null(False)).then(None).otherwise(pl.coalesce("member_since", since))
        )
        .drop("_did", "_does")
    )
    return replace(after, contacts=contacts)


def meeting(given: Hypothetical) -> pl.DataFrame:
    """`contact` and `_did`: whether each meets the list's criteria."""
    return given.contacts.select("contact", _did=meets(given.situation, given.contacts.columns))


def lists_not_followed(before: pl.DataFrame, after: Hypothetical) -> Situation:
    """The situation in which nobody knows who is in another list that follows values which were changed: its criteria are not read."""
    inclusion = after.situation.inclusion
    if inclusion is None or not inclusion.named:
        return after.situation
    columns = [name for name in before.columns if name.startswith("hubspot.")]
    changed = {
        name.removeprefix("hubspot.")
        for name in columns
        if name not in after.contacts.columns or not before[name].equals(after.contacts[name], null_equal=True)
    }
    named = tuple(
        replace(one, unknown_because="its own criteria look at what would be changed")
        if one.follows_criteria
        and changed
        and not (one.criteria_properties and changed.isdisjoint(one.criteria_properties))
        else one
        for one in inclusion.named
    )
    return replace(after.situation, inclusion=replace(inclusion, named=named))


def in_the_list(given: Hypothetical) -> Hypothetical:
    """The inclusion list is there, is up to date, and holds the contacts."""
    inclusion = given.situation.inclusion
    if inclusion is None:
        return given
    usable = replace(inclusion, deleted_at=None, processing_status=COMPLETE)
    situation = replace(given.situation, inclusion=usable, list_size=max(1, given.situation.list_size))
    member = pl.when("hubspot").then(pl.coalesce("member_since", _now(given)))
    return _with(replace(given, situation=situation), member_since=member)


def in_the_list_unless_barred(given: Hypothetical) -> Hypothetical:
    """The inclusion list holds the contacts, but for those of whom it is known that they do not meet its criteria."""
    barred = given.contacts.select(barred=~meets(given.situation, given.contacts.columns).fill_null(True)).to_series()
    inside = in_the_list(given)
    return _with(inside, member_since=pl.when(barred).then(given.contacts["member_since"]).otherwise("member_since"))


def _now(given: Hypothetical) -> pl.Expr:
    return pl.lit(iso(given.situation.now.astimezone(UTC)))


def decided(mapping: str) -> Effect:
    """A person has decided the field's conflict, where there is one: for HubSpot's value, or for the app's where HubSpot has none."""

    def effect(given: Hypothetical) -> Hypothetical:
        situation = given.situation
        chosen = tuple(one for one in mapped_pairs(situation.connection, situation.schemas) if one.name == mapping)
        met = differences(given.contacts, given.memory, situation.connection, chosen).filter(outcome="conflict")
        rows = met.select(
            "contact",
            field=pl.lit(mapping),
            winner=pl.when(pl.col("hubspot_value").str.strip_chars() == "")
            .then(pl.lit("app"))
            .otherwise(pl.lit("hubspot")),
            hubspot_value="hubspot_value",
            app_value="app_value",
            ended_at=pl.lit(None, pl.String),
        ).cast(dict(DECISION))  # type: ignore[arg-type]
        decisions = given.memory.decisions
        now = (pl.col("field") == mapping) & pl.col("contact").is_in(rows["contact"].implode())
        return replace(given, memory=replace(given.memory, decisions=pl.concat([decisions.filter(~now), rows])))

    return effect


def left_in_peace(column: str) -> Effect:
    """Nothing keeps setting the field (HubSpot's, as `hubspot.NAME`) to and fro."""

    def effect(given: Hypothetical) -> Hypothetical:
        suspended = given.memory.suspended.filter(pl.col("field") != column.partition(".")[2])
        return replace(given, memory=replace(given.memory, suspended=suspended))

    return effect


def not_refused(column: str) -> Effect:
    """What a server refused of the field (`SIDE.NAME`), or of whole records if empty, is tried again."""

    def effect(given: Hypothetical) -> Hypothetical:
        side, _, name = column.partition(".")
        of_it = pl.col("field").fill_null("") == name
        same = of_it & (pl.col("side") == side) if side else of_it
        return replace(given, memory=replace(given.memory, refused=given.memory.refused.filter(~same)))

    return effect
