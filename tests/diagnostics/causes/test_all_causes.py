"""What holds for all causes: texts, order, empty and large frames, and the way through the planner."""

from __future__ import annotations

import polars as pl
import pytest

from diagnostics.causes import CAUSES, Cause, cause
from diagnostics.evidence import sentence
from engine.gates import FINDING, Population
from engine.memory import nothing_known
from engine.plan import plan
from tests.diagnostics.causes.world import CONTACTS, contacts, person, situation, write, writes

GATED = [entry for entry in CAUSES if entry.gate]
ORDER = (
    "erased", "in-doubt", "direction", "many-to-one", "counterpart-gone", "plan-tier", "email-missing", "email-invalid", "email-duplicate", "opt-in",
    "member-status", "bounced", "test-address", "role-address", "disposable-domain", "list-deleted",
    "list-processing", "list-empty", "list-criteria", "list-membership", "required-field", "field-type",
    "field-option", "field-format", "field-length", "field-range", "address-swap",
    "address-taken", "field-loop", "refused-erased", "refused-opt-out", "refused-consent", "refused-many-signups", "refused-duplicate-address",
    "refused-duplicate-value", "refused-address", "refused-owner", "refused-read-only", "refused-no-property",
    "refused-conditional", "refused-required", "refused-option", "refused-length", "refused-range", "refused-type",
    "refused-format", "refused-permission", "refused-busy", "refused-gateway", "refused-limit", "refused-request", "refused-gone",
    "refused-unknown", "list-disagreement", "list-beyond-goal",
)  # fmt: skip
VERBS = frozenset(
    """
    Add Ask Change Check Choose Correct Create Decide Delete Enter Extend Fill Find Give Grant Hand Leave Let Log Look Merge Narrow Read
    Record Remove Restore Run Set Shorten Wait
    """.split()  # noqa: SIM905
)


def by_code(entry: Cause) -> str:
    """The test's name."""
    return entry.code


def test_the_gates_are_in_the_documented_order() -> None:
    """The first that stops a contact decides, so the order is part of the contract."""
    assert tuple(entry.code for entry in GATED) == ORDER


def test_codes_are_unique_and_found() -> None:
    """Each code leads to its cause; others raise KeyError."""
    assert len({entry.code for entry in CAUSES}) == len(CAUSES)
    assert cause("opt-in").code == "opt-in"
    with pytest.raises(KeyError):
        cause("no-such-cause")


@pytest.mark.parametrize("entry", CAUSES, ids=by_code)
def test_every_cause_has_its_texts(entry: Cause) -> None:
    """Title without a full stop, sentences with one, a remedy, and a quoted sentence of the guide."""
    assert entry.title
    assert not entry.title.endswith(".")
    assert entry.explanation.endswith(".")
    assert entry.remedy.endswith(".")
    assert entry.says.endswith((".", "?"))
    assert entry.remedy.split()[0].rstrip(":;") in VERBS


@pytest.mark.parametrize("entry", GATED, ids=by_code)
def test_every_gate_takes_an_empty_population(entry: Cause) -> None:
    """No contacts, no findings, and the right columns."""
    gate = entry.gate
    assert gate is not None
    empty = Population(pl.DataFrame(schema=CONTACTS), writes())
    rows = gate.findings(empty, situation())
    assert rows.schema == FINDING
    assert rows.is_empty()


@pytest.mark.parametrize("entry", GATED, ids=by_code)
def test_every_gate_takes_a_frame_without_optional_columns(entry: Cause) -> None:
    """A gate that lacks its field says unknown. That stops the contact where the field tells whether the person may be written to."""
    gate = entry.gate
    assert gate is not None
    bare = contacts(person(1, {}, {})).select(list(CONTACTS))
    rows = gate.findings(Population(bare, writes()), situation())
    told = {"list-disagreement": [False], "list-beyond-goal": [False]}
    lacking = {"opt-in": [True, True], "member-status": [True], "bounced": [True], **told}
    assert rows["blocking"].to_list() == lacking.get(entry.code, [])
    assert set(rows["state"]) <= {"unknown"}


@pytest.mark.parametrize("entry", GATED, ids=by_code)
def test_a_clean_contact_passes_every_gate(entry: Cause) -> None:
    """Nobody is stopped without a reason."""
    gate = entry.gate
    assert gate is not None
    people = contacts(person(1, {"lifecyclestage": "lead"}, {"FNAME": "Jo"}), person(2, None, {}))
    rows = gate.findings(Population(people, writes(write(1, "app", "CITY", "Ulm"))), situation())
    assert rows.to_dicts() == []


def test_the_planner_takes_the_gates_and_the_first_blocker_decides() -> None:
    """A contact with two faults gets the earlier cause, and both are kept."""
    people = contacts(
        person(1, {"email": "a@b", "newsletter_opt_in": "false", "firstname": "Jo"}, None),
        person(2, {"firstname": "Jo", "lifecyclestage": "lead"}, None),
        person(3, {"firstname": "", "lifecyclestage": "lead"}, None),
        person(4, {"firstname": "Jo", "lifecyclestage": "evangelist"}, None, member_since=None),
    )
    answer = plan(people, nothing_known(), situation(), [gate for entry in CAUSES if (gate := entry.gate)])
    assert answer.verdicts.sort("contact").rows() == [
        (1, "excluded", "email-invalid"),
        (2, "pending", ""),
        (3, "failing", "required-field"),
        (4, "failing", "list-criteria"),
    ]
    kept = answer.findings.filter(pl.col("contact") == 1)["code"].to_list()
    assert kept[:2] == ["email-invalid", "opt-in"]


def test_two_hundred_thousand_contacts_pass_without_a_step_per_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the two distinct doubtful addresses reach the library, however many contacts have them."""
    asked: list[str] = []

    def judge(address: str) -> str:
        asked.append(address)
        return "not valid"

    monkeypatch.setattr("diagnostics.causes.addresses.why_invalid", judge)
    number = 200_000
    one = contacts(person(1, {"lifecyclestage": "lead", "firstname": "Jo"}, {"FNAME": "Jo"}))
    count = pl.int_range(number, eager=True)
    address = (
        pl.when(count % 50 == 0)
        .then(pl.lit("x@localhost"))
        .when(count % 50 == 1)
        .then(pl.lit("y"))
        .otherwise(pl.concat_str(pl.lit("p"), count, pl.lit("@firma.example")))
    )
    people = (
        pl.concat([one] * number)
        .with_columns(contact=count, email=address, email_key=address)
        .with_columns(pl.col("email").alias("hubspot.email"), pl.col("email").alias("app.EMAIL"))
    )
    written = pl.concat([writes(write(1, "app", "CITY", "Ulm"))] * number).with_columns(contact=count)
    for entry in GATED:
        gate = entry.gate
        assert gate is not None
        rows = gate.findings(Population(people, written), situation())
        assert rows.height == (number // 25 if entry.code == "email-invalid" else 0), entry.code
    assert sorted(asked) == ["x@localhost", "y"]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (
            ("field-length", "hubspot.city", "Oberammergau", "HubSpot takes at most 10 characters here"),
            'HubSpot\'s city would be "Oberammergau": HubSpot takes at most 10 characters here.',
        ),
        (
            ("required-field", "app.FNAME", "", "Mailchimp requires it"),
            "The app's FNAME would be empty: Mailchimp requires it.",
        ),
        (("email-missing", "hubspot.email", "", "it is needed"), "HubSpot's email is empty: it is needed."),
        (("email-invalid", "hubspot.email", "x", "no @"), 'HubSpot\'s email is "x": no @.'),
        (("field-type", "hubspot.city", "", "it could not be kept"), "HubSpot's city: it could not be kept."),
        (("list-membership", "", "Kunden", "only members sync"), 'The list "Kunden": only members sync.'),
        (("plan-tier", "", "", "a free account"), "A free account."),
        (("unreachable", "", "", ""), "A side cannot be reached."),
        (
            ("refused-option", "hubspot.city", "no such town", "HubSpot refused these values"),
            'HubSpot refused these values about HubSpot\'s city: "no such town".',
        ),
    ],
)
def test_a_stored_finding_becomes_one_sentence(stored: tuple[str, str, str, str], expected: str) -> None:
    """Place, value and rule are put together as far as they are there."""
    assert sentence(*stored, mask=False) == expected


@pytest.mark.parametrize(
    "value",
    ["Mustermann", "max@mustermann", "max@mustermann.example, Max", "Contact max@mustermann.example exists"],
)
def test_a_masked_sentence_does_not_hold_the_value(value: str) -> None:
    """Nothing of a name or address can be read, whatever text it stands in."""
    text = sentence("refused-option", "hubspot.email", value, "HubSpot refused these values", mask=True)
    assert "ustermann" not in text
    assert "Max" not in text
    assert text != sentence("refused-option", "hubspot.email", value, "HubSpot refused these values", mask=False)


def test_a_masked_sentence_keeps_names_that_are_nobody_s() -> None:
    """A list's name is needed to find the list."""
    assert "Kunden" in sentence("list-membership", "", "Kunden", "only members sync", mask=True)


def test_a_sentence_says_when_its_value_may_be_cut() -> None:
    """Evidence of 200 characters is only the beginning, masked or not."""
    for mask in (True, False):
        assert "(first 200 characters)" in sentence("field-length", "app.CITY", "x" * 200, "too long", mask=mask)
        assert "first" not in sentence("field-length", "app.CITY", "x" * 199, "too long", mask=mask)


def test_a_sentence_shows_controls_instead_of_obeying_them() -> None:
    """Escape sequences in values, fields and rules become visible characters on one line."""
    text = sentence("refused-option", "hubspot.\x1b[2J", "a\x1b]52;c;x\x07b\n", "no\u202e", mask=False)
    assert not [character for character in text if ord(character) < 32 or character == "\u202e"]
