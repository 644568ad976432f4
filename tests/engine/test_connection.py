"""Connection files: what is taken, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.connection import Connection, read_connection
from engine.errors import ConfigurationError

GOOD = """\
format = 1

[hubspot]
server = "practice"

[app]
name = "mailchimp"
audience = "a1b2c3d4e5"

[scope]
list = "Newsletter"

[[mappings]]
hubspot = "email"
app = "EMAIL"

[[mappings]]
hubspot = "firstname"
app = "FNAME"
direction = "to_app"
"""


def written(folder: Path, text: str, name: str = "acme.toml") -> Path:
    """A connection file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_with_defaults(tmp_path: Path) -> None:
    """What is not said gets the careful default."""
    connection = read_connection(written(tmp_path, GOOD))

    assert connection.name == "acme"
    assert connection.sync.conflicts == "ask"
    assert [connection.direction_of(mapping) for mapping in connection.mappings] == ["two_way", "to_app"]


def test_a_one_way_connection_makes_every_mapping_one_way(tmp_path: Path) -> None:
    """The connection's direction is stronger than a mapping's."""
    connection = read_connection(written(tmp_path, GOOD + '[sync]\ndirection = "to_hubspot"\n'))

    assert {connection.direction_of(mapping) for mapping in connection.mappings} == {"to_hubspot"}


@pytest.mark.parametrize(
    ("change", "what", "line", "remedy"),
    [
        (('list = "Newsletter"', 'lst = "Newsletter"'), "unknown key 'lst'", 11, "'list'"),
        (('audience = "a1b2c3d4e5"', 'audiance = "a1b2c3d4e5"'), "unknown key 'audiance'", 8, "'audience'"),
        (("[scope]", "[scoop]"), "unknown key 'scoop'", 10, "'scope'"),
        (('direction = "to_app"', 'direction = "sideways"'), "direction", 20, "Correct"),
        (('direction = "to_app"', 'directon = "to_app"'), "unknown key 'directon'", 20, "'direction'"),
        (('name = "mailchimp"', 'name = "mailgimp"'), "app.name", 7, "Correct"),
        (("format = 1", "format = 2"), "format", 1, "Correct"),
        (("format = 1", "format = "), "not valid TOML", None, "Correct"),
        (('app = "FNAME"', 'app = "EMAIL"'), "mapped more than once", None, "Correct"),
        (('name = "mailchimp"\n', ""), "missing", 6, "Add it"),
    ],
)
def test_a_wrong_file_names_line_key_and_remedy(
    tmp_path: Path, change: tuple[str, str], what: str, line: int | None, remedy: str
) -> None:
    """Each mistake is found where it stands, and a misspelt key names the nearest known one."""
    path = written(tmp_path, GOOD.replace(*change))

    with pytest.raises(ConfigurationError) as caught:
        read_connection(path)

    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert str(path) in caught.value.where
    if line is not None:
        assert caught.value.where.endswith(f"line {line}")


def test_a_token_in_the_file_is_refused_without_repeating_it(tmp_path: Path) -> None:
    """A secret belongs in the vault; the error shows the line and not the secret."""
    token = "pat-eu1-01234567-89ab-cdef-0123-456789abcdef"
    path = written(tmp_path, GOOD.replace('server = "practice"', f'server = "{token}"'))

    with pytest.raises(ConfigurationError) as caught:
        read_connection(path)

    assert token not in str(caught.value)
    assert caught.value.where.endswith("line 4")


@pytest.mark.parametrize("name", ["Acme.toml", "a b.toml", "-x.toml", "ä.toml"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    """Names become file and environment names, so they are plain."""
    with pytest.raises(ConfigurationError, match="name"):
        read_connection(written(tmp_path, GOOD, name))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00f", "format = 1".encode("utf-16")])
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes that are no UTF-8 give an error, not a traceback."""
    path = tmp_path / "acme.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_connection(path)


def test_byte_order_mark_and_carriage_returns_are_accepted(tmp_path: Path) -> None:
    """Editors on Windows leave both."""
    path = tmp_path / "acme.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert read_connection(path).name == "acme"


def test_subscribing_people_needs_an_opt_in_rule() -> None:
    """Nobody is subscribed without evidence of consent."""
    with pytest.raises(ValueError, match="opt_in"):
        Connection.model_validate(
            {
                "name": "acme",
                "format": 1,
                "app": {"name": "mailchimp", "audience": "x", "on_create": {"status": "subscribed"}},
                "mappings": [{"hubspot": "email", "app": "EMAIL"}],
            }
        )
