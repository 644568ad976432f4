"""How certain a verdict is, and what counts as a flow: without any portal."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.observed.certainty import REASONS, certainties
from diagnostics.observed.flows import SEEN, WAITING, Flow, Wait, digest, digests, moved, ways
from diagnostics.observed.words import is_stuck, wait_sentence
from engine.gates import STATES
from engine.merge import DIFFERENCE


def difference(
    mapping: str = "city", outcome: str = "to_app", ground: str = "change", h: str = "a", a: str = "b"
) -> pl.DataFrame:
    """One differing field of contact 1."""
    row = {
        **dict.fromkeys(DIFFERENCE, ""),
        "contact": 1, "mapping": mapping, "outcome": outcome, "ground": ground, "hubspot_canonical": h, "app_canonical": a,
    }  # fmt: skip
    return pl.DataFrame([row], schema=DIFFERENCE)


def judged(
    state: str,
    *differing: pl.DataFrame,
    cause: str = "",
    sent: str = "",
    by: str = "email",
    both: bool = True,
    doubtful: bool = False,
    unread: bool = False,
    seen: dict[str, str] | None = None,
) -> str:
    """The reason for contact 1; the level has to be that of the reason."""
    contacts = pl.DataFrame(
        {"contact": [1], "hubspot": [True], "app": [both], "by": [by], "doubtful": [doubtful], "unread": [unread]}
    )
    verdicts = pl.DataFrame({"contact": [1], "state": [state], "cause": [cause], "sent_field": [sent]})
    rows = pl.concat([pl.DataFrame(schema=DIFFERENCE), *differing])
    found = certainties(contacts, verdicts, rows, seen or {})
    assert found.height == 1
    _, level, reason = found.row(0)
    assert REASONS[reason][0] == level
    return str(reason)


def test_in_sync() -> None:
    """Equal is certain; what direction leaves, and what could not be read, is not."""
    assert judged("in_sync") == "equal"
    assert judged("in_sync", difference(outcome="kept", ground="direction")) == "left"
    assert judged("in_sync", unread=True) == "unread"


def test_what_the_evidence_decides() -> None:
    """Excluded, failing by a value that only one side has, and unknown are certain; what hangs on the link is not."""
    assert judged("excluded", cause="opt-in") == "evidence"
    assert judged("failing", cause="field-length", sent="city", both=False) == "evidence"
    assert judged("failing", difference(h="a", a=""), cause="field-length", sent="city") == "evidence"
    assert judged("failing", difference(), cause="field-length", sent="city") == "sent-value"
    assert judged("failing", difference(), cause="field-length", sent="phone") == "evidence"
    assert judged("failing", cause="counterpart-gone", both=False) == "link"
    assert judged("failing", cause="counterpart-gone", both=False, by="id hubspot.mailchimp_id") == "evidence"
    assert judged("failing", cause="counterpart-gone", both=False, by="created") == "link-made"
    assert judged("failing", cause="counterpart-gone", both=False, doubtful=True) == "link-doubt"
    assert judged("unknown", cause="unreachable") == "unexamined"


def test_pending() -> None:
    """One-way and empty sides are likely, two values in a two-way field possible, until a way was seen."""
    assert judged("pending", difference(ground="direction")) == "one-way"
    assert judged("pending", difference(h="a", a="")) == "one-way"
    assert judged("pending", difference(ground="policy")) == "direction"
    assert judged("pending", difference(ground="policy"), seen={"city": "to_app"}) == "flow-seen"
    assert judged("pending", difference(ground="policy"), seen={"city": "to_hubspot"}) == "other-way"
    assert judged("pending", difference("city"), difference("phone"), seen={"city": "to_app"}) == "direction"
    assert judged("pending", both=False) == "create"
    assert judged("pending", both=False, seen={"": "to_app"}) == "create-seen"
    assert judged("pending", both=False, seen={"": "to_hubspot"}) == "create"
    assert judged("pending", difference(), by="additional e-mail") == "link-doubt"
    assert judged("conflict", difference(outcome="conflict", ground="policy"), seen={"city": "to_app"}) == "conflict"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_contact_has_exactly_one_certainty_in_any_order(data: st.DataObject) -> None:
    """Whatever the states, links, doubts and differences: one row a contact, the same for each when they are shuffled."""
    size = data.draw(st.integers(0, 6))
    rows = [
        (number, data.draw(st.sampled_from(STATES)), data.draw(st.sampled_from(["", "opt-in", "counterpart-gone"])),
         *(data.draw(st.booleans()) for _ in range(3)), data.draw(st.sampled_from(["", "email", "id app.HSID"])))
        for number in range(size)
    ]  # fmt: skip
    schema = {"contact": pl.Int64, "state": pl.String, "cause": pl.String, "app": pl.Boolean, "doubtful": pl.Boolean,
              "unread": pl.Boolean, "by": pl.String}  # fmt: skip
    every = pl.DataFrame(rows, schema=schema, orient="row").with_columns(hubspot=pl.lit(True), sent_field=pl.lit(""))
    differing = pl.concat([pl.DataFrame(schema=DIFFERENCE), difference(), difference("phone", "kept", "direction")])

    def answer(frame: pl.DataFrame) -> dict[int, tuple[str, str]]:
        found = certainties(
            frame.select("contact", "hubspot", "app", "by", "doubtful", "unread"),
            frame.select("contact", "state", "cause", "sent_field"),
            differing,
            {"city": "to_app"},
        )
        assert found.height == size
        return {contact: (level, reason) for contact, level, reason in found.iter_rows()}

    assert answer(every) == answer(every.sample(fraction=1, shuffle=True, seed=data.draw(st.integers(0, 99))))


def waiting(*rows: tuple[str, str, str, str, str, str]) -> pl.DataFrame:
    """Rows of WAITING with digests of the last two texts."""
    frame = pl.DataFrame(list(rows), schema=WAITING, orient="row")
    return frame.with_columns(digests(pl.col("hubspot_digest", "app_digest")))


@pytest.mark.parametrize(
    ("now", "counted"),
    [
        (("neu", "neu"), {("city", "to_app"): 1}),
        (("alt", "alt"), {("city", "to_hubspot"): 1}),
        (("dritter", "dritter"), {}),
        (("dritter", "alt"), {}),
    ],
)
def test_a_flow_is_one_sides_value_on_both(now: tuple[str, str], counted: dict[tuple[str, str], int]) -> None:
    """The side whose value both hold now was the source; a third value, or one that still differs, is no flow."""
    before = waiting(("h1", "a1", "city", "to_app", "neu", "alt"))
    values = waiting(("h1", "a1", "city", "", *now)).drop("towards")
    still = before if now[0] != now[1] else before.clear()
    assert moved(before, still, values) == counted


def test_a_record_that_was_alone_and_has_a_counterpart_was_created() -> None:
    """Counted in its direction, once, under whichever id it waited; one that is still alone, or gone, is not."""
    before = waiting(
        ("h1", "", "", "to_app", "", ""), ("", "a2", "", "to_hubspot", "", ""), ("h3", "", "", "to_app", "", "")
    )
    now = waiting(("h1", "a1", "", "", "", ""), ("h2", "a2", "", "", "", "")).drop("towards")
    assert moved(before, before.filter(pl.col("hubspot_id") == "h3"), now) == {("", "to_app"): 1, ("", "to_hubspot"): 1}
    assert moved(before, before.clear(), now.clear()) == {}


def test_a_way_takes_enough_of_one_direction_and_none_of_the_other() -> None:
    """Two are not enough, and one the other way undoes it."""
    one, other = Flow("city", "to_app", SEEN, ""), Flow("city", "to_hubspot", 1, "")
    assert ways((one,)) == {"city": "to_app"}
    assert ways((Flow("city", "to_app", SEEN - 1, ""),)) == {}
    assert ways((one, other)) == {}


def test_stuck_takes_checks_and_time() -> None:
    """Three checks and a moment before the limit; the sentence says whether others flowed meanwhile."""
    wait = Wait("city", "to_app", "2026-03-01T09:00:00.000Z", 3)
    assert is_stuck(wait, "2026-03-01T10:00:00.000Z")
    assert not is_stuck(wait, "2026-03-01T08:00:00.000Z")
    assert not is_stuck(Wait("city", "to_app", wait.since_at, 2), "2026-03-01T10:00:00.000Z")
    assert wait_sentence(wait, (), stuck=True).endswith("nothing was seen to flow meanwhile.")
    later = Flow("phone", "to_app", 4, "2026-03-01T09:30:00.000Z")
    assert wait_sentence(wait, (later,), stuck=False).endswith("other values flowed meanwhile.")


def test_digests_are_the_same_for_the_same_text_only() -> None:
    """Lone surrogates and empty text have one too."""
    assert digest("a") == digest("a") != digest("b")
    assert len({digest(text) for text in ("", "\ud800", "ä")}) == 3
