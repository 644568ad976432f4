"""`causes`: the catalogue without a connection."""

from __future__ import annotations

import json

import pytest

from diagnostics.causes import CAUSES
from tests.conftest import Command


def test_the_list_has_every_cause_in_order(command: Command) -> None:
    """As text and as a document."""
    text = command("causes")
    document = command("causes", "--json").document

    assert text.code == 0
    assert [line.split()[0] for line in text.out.splitlines()[2:]] == [one.code for one in CAUSES]
    assert [one["code"] for one in document["causes"]] == [one.code for one in CAUSES]
    assert {one["nature"] for one in document["causes"]} == {"actionable", "transient"}


@pytest.mark.parametrize("code", ["refused-option", " Refused-Option"])
def test_one_cause_is_shown_whole(command: Command, code: str) -> None:
    """With the sentence of the guide and the servers' codes."""
    answer = command("causes", code)
    document = command("causes", code, "--json").document["cause"]

    assert answer.code == 0
    for words in ("Add the choice in the target", "app admin", "actionable", "d) Field validation", "INVALID_OPTION"):
        assert words in answer.out
    assert " ".join(document["says"].split()[:4]) in answer.out
    assert document["server_codes"]


@pytest.mark.parametrize(
    ("code", "nearest"),
    [("refused-opton", "refused-option"), ("optin", "opt-in"), ("conditional", "refused-conditional")],
)
def test_an_unknown_code_is_wrong_usage_and_names_the_nearest(command: Command, code: str, nearest: str) -> None:
    """Exit code 2; a control character in the code is shown, not obeyed."""
    answer = command("causes", code)

    assert (answer.code, answer.out) == (2, "")
    assert f"there is no cause {code}" in answer.err
    assert nearest in answer.err
    assert "\x1b" not in command("causes", "\x1b[2J").err
    assert json.loads(command("causes", code, "--json").out)["error"]["code"] == "configuration"
