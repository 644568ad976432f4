"""What a service says of a write is kept without the person's values."""

from __future__ import annotations

import pytest

from engine.refusals import without_values

SENT = {
    "email": "Erika@firma.example",
    "firstname": "Erika Mustermann",
    "phone": "0171 5551234",
    "city": "Köln",
    "note": 'sagt "nein"\nimmer',
    "groups": "Chor;Turnverein",
    "zip": "10",
}


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (
            "Erika Mustermann, 0171 5551234 was not one of the allowed options: [lead, customer]",
            "<value>, <value> was not one of the allowed options: [lead, customer]",
        ),
        ("ERIKA MUSTERMANN is no name", "<value> is no name"),
        ("erika@firma.example and other@firma.example exist", "<e-mail> and <e-mail> exist"),
        (r'{"city": "K\u00f6ln", "note": "sagt \"nein\"\nimmer"}', '{"city": "<value>", "note": "<value>"}'),
        (r"\nKöln is no number, Kölner is", r"\n<value> is no number, Kölner is"),
        ("Turnverein is no option", "<value> is no option"),
        ("at most 10 characters", "at most 10 characters"),
        ("email address is invalid", "email address is invalid"),
    ],
)
def test_no_value_that_was_sent_is_kept(words: str, kept: str) -> None:
    """Whole values in any case, escaped or not; what only looks like a part of one stays, and so do the words."""
    assert without_values(words, SENT, "email") == kept


def test_the_longest_value_goes_first_and_an_address_stays_an_address() -> None:
    """A value inside another one, inside an address, or one that is no address although it stands for one."""
    sent = {"email": "keine Adresse", "first": "Erika", "whole": "Erika Muster", "domain": "firma.example"}

    assert without_values("Erika Muster, Erika", sent, "email") == "<value>, <value>"
    assert without_values("erika@firma.example", sent, "email") == "<e-mail>"
    assert without_values("keine Adresse is invalid", sent, "email") == "<e-mail> is invalid"
