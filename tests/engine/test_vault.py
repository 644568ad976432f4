"""Secrets that show themselves to nobody, and the places they are kept in."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import stat
from pathlib import Path

import pytest

from engine.auth.secret import Secret
from engine.auth.vault import Vault
from engine.errors import ConfigurationError, WorkspaceError

TOKEN = "pat-eu1-0000-token"


class Ring:
    """A keyring in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """The password, or None."""
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Stores a password."""
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Removes a password."""
        del self.kept[service, username]


def on_file(home: Path, **environ: str) -> Vault:
    """A vault on a computer without a keyring."""
    return Vault(home, environ, lambda: None)


def revealed(secret: Secret | None) -> str | None:
    """The secret's text, if there is one."""
    return secret.reveal() if secret else None


def test_secret_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    """No way of printing, formatting, logging, pickling or copying gives the text."""
    secret = Secret(TOKEN)
    logging.getLogger("test").warning("%s %r", secret, {"token": secret})
    shown = f"{secret} {secret!r} {secret:>40} {[secret]}" + caplog.text + str(vars(type(secret)))
    assert TOKEN not in shown
    assert not hasattr(secret, "__dict__")
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            take(secret)
    assert secret.reveal() == TOKEN


def test_file_holds_tokens_for_its_owner_only(tmp_path: Path) -> None:
    """Without a keyring the token is in a 0600 file of a new home, and found again by another process."""
    home = tmp_path / "home"
    said = on_file(home).put("acme", "hubspot", f"  Bearer {TOKEN}\n")
    on_file(home).put("acme", "app", "key-us1")
    assert said == "file credentials.json, readable by you and root only"
    assert revealed(on_file(home).get("acme", "hubspot")) == TOKEN
    assert revealed(on_file(home).get("acme", "app")) == "key-us1"
    assert on_file(home).get("other", "app") is None
    assert stat.S_IMODE((home / "credentials.json").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["credentials.json"]


def test_environment_wins(tmp_path: Path) -> None:
    """A variable named after connection and side is taken before anything stored."""
    vault = on_file(tmp_path, SYNCDOCTOR_ACME_PROD_2_APP="from-environment ")
    vault.put("acme-prod_2", "app", "stored")
    assert revealed(vault.get("acme-prod_2", "app")) == "from-environment"
    assert vault.where("acme-prod_2", "app") == "environment variable SYNCDOCTOR_ACME_PROD_2_APP"
    assert vault.get("acme-prod_2", "hubspot") is None


def test_keyring_before_file(tmp_path: Path) -> None:
    """With a keyring nothing is written to the file, and an older token there is removed."""
    on_file(tmp_path).put("acme", "app", "old")
    ring = Ring()
    vault = Vault(tmp_path, {}, lambda: ring)
    assert revealed(vault.get("acme", "app")) == "old"
    assert vault.where("acme", "app").startswith("file")
    assert vault.put("acme", "app", "new") == "system keyring"
    assert ring.kept == {("syncdoctor", "acme/app"): "new"}
    assert json.loads((tmp_path / "credentials.json").read_text()) == {}
    assert revealed(vault.get("acme", "app")) == "new"
    vault.remove("acme", "app")
    assert ring.kept == {}
    assert vault.get("acme", "app") is None


def test_removing(tmp_path: Path) -> None:
    """A removed token is gone, others stay, and removing what is not there is fine."""
    vault = on_file(tmp_path)
    vault.remove("acme", "app")
    assert not (tmp_path / "credentials.json").exists()
    vault.put("acme", "app", "one")
    vault.put("acme", "hubspot", "two")
    vault.remove("acme", "app")
    assert (vault.get("acme", "app"), revealed(vault.get("acme", "hubspot"))) == (None, "two")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """Nothing is read from, or written to, a file that others could have read."""
    vault = on_file(tmp_path)
    vault.put("acme", "app", TOKEN)
    (tmp_path / "credentials.json").chmod(mode)
    with pytest.raises(WorkspaceError, match=f"{mode:04o}") as caught:
        vault.get("acme", "app")
    assert "chmod 600" in caught.value.remedy
    with pytest.raises(WorkspaceError):
        vault.put("acme", "app", "new")


def test_symbolic_link_is_refused(tmp_path: Path) -> None:
    """A link could point at somebody else's file."""
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text("{}")
    elsewhere.chmod(0o600)
    home = tmp_path / "home"
    home.mkdir()
    (home / "credentials.json").symlink_to(elsewhere)
    with pytest.raises(WorkspaceError, match="symbolic link"):
        on_file(home).get("acme", "app")
    with pytest.raises(WorkspaceError, match="symbolic link"):
        on_file(home).put("acme", "app", TOKEN)
    assert elsewhere.read_text() == "{}"


def test_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner of the file has to be who runs the program."""
    vault = on_file(tmp_path)
    vault.put("acme", "app", TOKEN)
    owner = (tmp_path / "credentials.json").stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(WorkspaceError, match="another user"):
        vault.get("acme", "app")


@pytest.mark.parametrize("content", ["", "[]", '{"acme/app": 5}', "{"])
def test_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    """A damaged file is named and left as it is, not started afresh."""
    path = tmp_path / "credentials.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(WorkspaceError, match="damaged"):
        on_file(tmp_path).put("acme", "app", TOKEN)
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "no token was given"),
        (" \n ", "no token was given"),
        ("Bearer ", "no token was given"),
        ("abc def", "position 4 of 7"),
        ("abc\x1b[31m", "position 4"),
        ('"abc"', "position 1 of 5"),
        ("abc–def", "position 4 of 7"),
    ],
)
def test_what_cannot_be_a_token_is_refused(tmp_path: Path, token: str, words: str) -> None:
    """The message names the position, never the text, and nothing is stored."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        on_file(tmp_path).put("acme", "app", token)
    assert "abc" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
