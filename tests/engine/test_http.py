"""The account client: what is repeated and what never is, what errors say, and what the log leaves out."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from engine.answers import Answer
from engine.budget import Intent
from engine.errors import (
    AccessError,
    ConfigurationError,
    CredentialsRefused,
    LimitExhausted,
    ScopeMissing,
    UnexpectedAnswer,
    Unreachable,
)
from engine.http import BODY_LIMIT, InDoubt
from tests.engine.stage import START, TOKEN, Script, Stage, reply

OK = reply(200, {"ok": True})
DAILY = {"message": "You have reached your daily limit.", "policyName": "DAILY"}


async def ask(stage: Stage, intent: Intent = "read", method: str = "GET") -> Answer:
    """One request with a query value that is personal."""
    return await stage.client.request(
        method, "/contacts/77", template="/contacts/{id}", intent=intent, params={"email": "anna@firma.example"}
    )


async def test_answer_and_log_of_a_plain_read() -> None:
    """The body is parsed, the token sent as bearer, and the log holds the template without the query."""
    script = Script(reply(200, {"ok": True}, x_hubspot_correlation_id="c-1"))
    stage = Stage(script)
    answer = await ask(stage)
    assert (answer.status, answer.body) == (200, {"ok": True})
    assert script.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    (exchange,) = stage.log
    assert (exchange.method, exchange.template, exchange.status) == ("GET", "/contacts/{id}", 200)
    assert (exchange.at, exchange.attempt, exchange.correlation_id) == (START, 1, "c-1")
    assert "anna" not in repr(stage.log)
    assert TOKEN not in repr(stage.log)


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("peer closed connection"),
        reply(500, {"message": "internal"}),
        reply(502, "<html>Bad Gateway</html>", content_type="text/html"),
        reply(423, {"message": "locked"}),
        reply(429, {"message": "You have reached your secondly limit."}),
        reply(477, {"message": "moving"}),
        reply(200, '{"results": [1, 2'),
        reply(200, "<!doctype html><p>Sign in"),
    ],
)
async def test_reads_are_repeated(trouble: httpx.Response | Exception) -> None:
    """A read survives one fault of every passing kind, after a pause."""
    stage = Stage(Script(trouble, OK))
    assert (await ask(stage)).body == {"ok": True}
    assert [exchange.attempt for exchange in stage.log] == [1, 2]
    assert stage.time.waited > 0
    assert "again in" in stage.log[0].note


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (httpx.ReadTimeout("late"), None),
        (httpx.WriteError("reset"), None),
        (httpx.RemoteProtocolError("closed"), None),
        (reply(500, {"message": "internal"}, x_hubspot_correlation_id="c-9"), 500),
        (reply(504, "<html>"), 504),
        (reply(200, '{"results": ['), 200),
        (reply(200, "<html>Sign in"), 200),
        (reply(302, "", location="http://elsewhere.example"), 302),
    ],
)
async def test_writes_without_a_clear_answer_are_in_doubt(
    trouble: httpx.Response | Exception, status: int | None
) -> None:
    """A write is sent once; whatever may have been applied comes as InDoubt with what is known."""
    script = Script(trouble, OK)
    stage = Stage(script)
    with pytest.raises(InDoubt) as caught:
        await ask(stage, "write", "POST")
    assert len(script.requests) == 1
    assert caught.value.status == status
    if status == 500:
        assert caught.value.correlation_id == "c-9"


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("late"),
        reply(429, {"message": "You have reached your ten_secondly_rolling limit."}),
        reply(423, {"message": "locked"}),
    ],
)
async def test_writes_that_were_not_applied_are_sent_again(trouble: httpx.Response | Exception) -> None:
    """Without a connection, and after answers documented as not applied, a write is repeated."""
    stage = Stage(Script(trouble, OK))
    assert (await ask(stage, "write", "POST")).status == 200
    assert len(stage.log) == 2


async def test_lasting_faults_end_in_a_named_error() -> None:
    """After five attempts a dead network and a dead server are Unreachable, with doubling pauses in between."""
    stage = Stage(Script(httpx.ConnectError("[Errno -2] Name or service not known")))
    with pytest.raises(Unreachable, match=r"the name service\.example cannot be looked up"):
        await ask(stage)
    assert len(stage.log) == 5
    assert all(low <= wait <= high for wait, (low, high) in zip(
        stage.time.waits, [(0.25, 0.5), (0.5, 1), (1, 2), (2, 4)], strict=True
    ))  # fmt: skip
    with pytest.raises(Unreachable, match="server error \\(503\\)"):
        await ask(Stage(Script(reply(503, "down"))))


async def test_untrusted_certificate_is_not_tried_again() -> None:
    """A certificate does not become trusted by waiting."""
    stage = Stage(Script(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")))
    with pytest.raises(Unreachable, match="certificate"):
        await ask(stage)
    assert len(stage.log) == 1


@pytest.mark.parametrize(
    ("value", "shortest", "longest"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ((START + timedelta(seconds=9)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 9, 9),
        ("soon", 1, 1.25),
        ("-1", 1, 1.25),
        ("1e1", 1, 1.25),
    ],
)
async def test_retry_after_is_obeyed(value: str, shortest: float, longest: float) -> None:
    """Seconds and dates are waited for exactly; what is neither leaves the client's own pause."""
    stage = Stage(Script(reply(429, {"message": "limit"}, retry_after=value), OK))
    await ask(stage)
    assert shortest <= stage.time.waited <= longest


async def test_long_pauses_and_daily_limits_end_the_run() -> None:
    """A pause of two hours, and a used-up day, are errors that say until when; nothing is waited for."""
    stage = Stage(Script(reply(477, {"message": "moving"}, retry_after="7200")))
    with pytest.raises(LimitExhausted, match="is moving this account and asks to wait until 2026-10-01 10:00 UTC"):
        await ask(stage, "write", "POST")
    stage = Stage(Script(reply(429, DAILY)))
    with pytest.raises(LimitExhausted, match="daily limit is used up until 2026-10-02 00:00 UTC"):
        await ask(stage)
    assert (stage.time.waited, len(stage.log)) == (0, 1)


async def test_pauses_by_kind_of_limit() -> None:
    """A locked record gets at least two seconds, the rolling window ten."""
    stage = Stage(Script(reply(423, {"message": "locked"}), reply(423, {}), OK))
    await ask(stage)
    assert all(wait >= 2 for wait in stage.time.waits)
    stage = Stage(Script(reply(429, {"policyName": "TEN_SECONDLY_ROLLING"}), OK))
    await ask(stage)
    assert 10 <= stage.time.waited <= 12.5


async def test_credentials_are_refused_once() -> None:
    """A 401 is not repeated, says whether the token has expired, and never shows it."""
    stage = Stage(Script(reply(401, {"category": "EXPIRED_AUTHENTICATION", "message": TOKEN})))
    with pytest.raises(CredentialsRefused, match="has expired") as caught:
        await ask(stage)
    assert TOKEN not in str(caught.value)
    assert len(stage.log) == 1
    with pytest.raises(CredentialsRefused, match="does not accept"):
        await ask(Stage(Script(reply(401, "not even JSON"))), "write", "POST")


async def test_missing_scopes_are_named() -> None:
    """A 403 names every scope of which one would do."""
    body = {"errors": [{"context": {"requiredGranularScopes": ["crm.lists.read", "crm.lists.write"]}}]}
    with pytest.raises(ScopeMissing) as caught:
        await ask(Stage(Script(reply(403, body))))
    assert caught.value.scopes == ("crm.lists.read", "crm.lists.write")
    assert "crm.lists.read or crm.lists.write" in caught.value.what


async def test_wrong_data_centre_says_which() -> None:
    """Mailchimp's 403 for a key of another data centre is about the credentials."""
    body = {"title": "Wrong Datacenter", "detail": "The API key provided is linked to datacenter 'us7'."}
    with pytest.raises(CredentialsRefused, match="belongs to data centre us7"):
        await ask(Stage(Script(reply(403, body)), side="app"))


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (reply(200, "<!doctype html>"), "web page instead of JSON"),
        (reply(200, b'{"a": NaN}'), "the number NaN"),
        (reply(200, b'{"a": 1e999}'), "a number too large"),
        (reply(200, b"[" * 100_000), "nested deeper than 100"),
        (reply(200, b"[" * 150 + b"]" * 150), "nested deeper than 100"),
        (reply(200, b'{"a": 1'), "cut off"),
        (reply(200, b'{"a": "b'), "cut off"),
        (reply(200, b"it works"), "starts with 'it works'"),
        (reply(200, b"\xff\xfe\x00"), "not UTF-8"),
        (reply(404, "<html>"), "web page"),
        (reply(200, b"x" + b"7" * 20), "not JSON"),
        (reply(200, b'{"anna@firma.example": x}'), r"\(line 1, column 24\)"),
    ],
)
async def test_unusable_answers_are_named(response: httpx.Response, words: str) -> None:
    """What is not strict JSON of a bearable depth is said in words, without what a record holds."""
    with pytest.raises(UnexpectedAnswer, match=words) as caught:
        await ask(Stage(Script(response)))
    assert "anna" not in str(caught.value)


async def test_data_errors_come_back_as_answers() -> None:
    """A 400, 404 or 409 is for the connector to judge; an empty body is None."""
    for status in (400, 404, 409):
        assert (await ask(Stage(Script(reply(status, {"message": "no"}))), "write", "POST")).status == status
    assert (await ask(Stage(Script(reply(204))))).body is None


async def test_huge_bodies_are_not_read_to_the_end() -> None:
    """A compression bomb stops at the limit and is not fetched again."""
    bomb = gzip.compress(b" " * (BODY_LIMIT + 1), 1)
    stage = Stage(lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, content=bomb))
    with pytest.raises(UnexpectedAnswer, match="more than 50 MB"):
        await ask(stage)
    assert len(stage.log) == 1


async def test_deadline_covers_the_whole_answer() -> None:
    """An answer that never ends is given up; a write of that kind is in doubt."""

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"["
            await asyncio.Event().wait()

    stage = Stage(lambda _: httpx.Response(200, stream=Endless()), deadline=0.01)
    with pytest.raises(Unreachable, match="no complete answer"):
        await ask(stage)
    assert len(stage.log) == 3
    with pytest.raises(InDoubt, match="no complete answer"):
        await ask(stage, "write", "POST")


async def test_redirects_are_not_followed() -> None:
    """The token goes to no other address."""
    script = Script(reply(301, "", location="http://elsewhere.example/"))
    with pytest.raises(UnexpectedAnswer, match="redirect"):
        await ask(Stage(script))
    assert [request.url.host for request in script.requests] == ["service.example"]


async def test_read_only_client_sends_no_write() -> None:
    """A write is refused before it is sent; reads by POST go through."""
    script = Script(OK)
    stage = Stage(script, read_only=True)
    with pytest.raises(ConfigurationError, match="nothing may be written"):
        await ask(stage, "write", "POST")
    assert script.requests == []
    assert (await ask(stage, "read", "POST")).status == 200


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://api.example.com", "without encryption"),
        ("ftp://api.example.com", "not a web address"),
        ("api.example.com", "not a web address"),
        ("https://user:word@api.example.com", "more than scheme"),
        ("https://api.example.com?hapikey=1", "more than scheme"),
        ("http://127.0.0.1.example.com", "without encryption"),
    ],
)
def test_unsafe_addresses_are_refused(address: str, words: str) -> None:
    """Only https, or this computer, is talked to over the network; the message shows no credentials."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        NetworkStage(address)
    assert "word@" not in str(caught.value)


@pytest.mark.parametrize("address", ["https://api.example.com", "http://127.0.0.1:8080/x", "http://[::1]:1"])
async def test_safe_addresses_are_taken(address: str) -> None:
    """Https anywhere and plain http on this computer are fine."""
    await NetworkStage(address).client.close()


async def test_both_sides_count_as_access_errors() -> None:
    """Every refusal that a user sees is an AccessError, exit code 3."""
    for status in (401, 403, 503):
        with pytest.raises(AccessError) as caught:
            await ask(Stage(Script(reply(status, {}))))
        assert caught.value.exit_code == 3


class NetworkStage(Stage):
    """A client that would use the network."""

    def __init__(self, address: str) -> None:
        super().__init__(httpx.AsyncHTTPTransport(), base_url=address, handed_in=False)
