"""The holder of a token that ends: who waits, who fetches, and what becomes of failures."""

import asyncio
import threading
import time

import pytest

from gateway import clock
from gateway.providers.credentials import refreshing
from gateway.providers.credentials.refreshing import NoToken, RefreshingSigner, Token
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamRequest


class Source:
    """Hands out numbered tokens; fails, hangs and ages them as a test wants."""

    def __init__(self):
        self.calls = 0
        self.lasts_s = 3600.0
        self.problem: Exception | None = None
        self.open = threading.Event()
        self.open.set()

    def __call__(self) -> Token:
        self.calls += 1
        number = self.calls
        assert self.open.wait(5)
        if self.problem is not None:
            raise self.problem
        return Token(f"token-{number}", clock.now() + self.lasts_s)


@pytest.fixture
def source():
    made = Source()
    yield made
    made.open.set()


@pytest.fixture
def quickly(monkeypatch):
    """Seconds become hundredths."""
    for name, seconds in (("_SOONEST_S", 0.01), ("_RETRY_S", 0.02), ("_LONGEST_RETRY_S", 0.05)):
        monkeypatch.setattr(refreshing, name, seconds)


def request(first_byte_s=5.0, headers=()) -> UpstreamRequest:
    return UpstreamRequest(
        method="POST",
        url="https://upstream.example/",
        headers=list(headers),
        body=b"",
        connect_timeout_s=1,
        first_byte_timeout_s=first_byte_s,
        idle_timeout_s=1,
    )


async def bearer(signer, **more) -> str:
    one = request(**more)
    await signer.sign(one)
    return dict(one.headers)["authorization"].removeprefix("Bearer ")


async def refused(signer, **more) -> UpstreamFailure:
    with pytest.raises(UpstreamFailure) as raised:
        await signer.sign(request(**more))
    assert raised.value.kind is FailureKind.CREDENTIAL
    return raised.value


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def play(scene, source):
    """Runs a scene with a signer that ends with it."""

    async def run():
        signer = RefreshingSigner(source, "the vault")
        try:
            return await scene(signer)
        finally:
            source.open.set()
            await signer.close()

    return asyncio.run(run())


def test_fifty_requests_at_once_wait_for_one_fetch(source):
    async def scene(signer):
        source.open.clear()
        waiting = [asyncio.create_task(bearer(signer)) for _ in range(50)]
        await until(lambda: source.calls)
        source.open.set()
        return set(await asyncio.gather(*waiting)) | {await bearer(signer)}

    assert play(scene, source) == {"token-1"}
    assert source.calls == 1


def test_nothing_is_fetched_before_the_first_request(source):
    async def scene(_signer):
        await asyncio.sleep(0.02)

    play(scene, source)

    assert source.calls == 0


def test_the_token_takes_the_place_of_any_other_authorization(source):
    async def scene(signer):
        one = request(headers=[("authorization", "Basic x"), ("accept", "*/*"), ("Authorization", "Basic y")])
        await signer.sign(one)
        return one.headers

    assert play(scene, source) == [("accept", "*/*"), ("authorization", "Bearer token-1")]


def test_a_token_is_renewed_ahead_of_its_end_and_nobody_waits(source, quickly):
    async def scene(signer):
        source.lasts_s = 0.4
        first = await bearer(signer)
        source.lasts_s = 3600
        source.open.clear()
        await until(lambda: source.calls == 2)
        meanwhile = await bearer(signer, first_byte_s=0.1)
        source.open.set()
        await until(lambda: signer._token.text == "token-2")
        return first, meanwhile, await bearer(signer)

    assert play(scene, source) == ("token-1", "token-1", "token-2")


def test_a_valid_token_serves_on_while_its_renewal_fails(source, quickly):
    source.lasts_s = 1

    async def scene(signer):
        first = await bearer(signer)
        source.problem = OSError("no route")
        await until(lambda: source.calls >= 3)
        during = await bearer(signer, first_byte_s=0.001)
        source.problem, source.lasts_s = None, 3600
        await until(lambda: signer._token.text != first)
        return first, during, await bearer(signer), signer._failures

    first, during, after, failures = play(scene, source)

    assert first == during == "token-1"
    assert after not in ("token-1", "token-2", "token-3")
    assert failures == 0


def test_a_token_past_its_end_is_waited_for_again(source, monkeypatch):
    moved = [0.0]
    monkeypatch.setattr(clock, "now", lambda: time.time() + moved[0])

    async def scene(signer):
        first = await bearer(signer)
        moved[0] = 3599
        still = await bearer(signer)
        moved[0] = 3601
        return first, still, await bearer(signer)

    assert play(scene, source) == ("token-1", "token-1", "token-2")


def test_without_any_valid_token_requests_are_refused_and_the_source_is_left_in_peace(source, monkeypatch):
    moved = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: time.monotonic() + moved[0])
    source.problem = RuntimeError("the secret is s3cr3t")

    async def scene(signer):
        failures = [await refused(signer) for _ in range(10)]
        once = source.calls
        source.problem = None
        moved[0] = refreshing._RETRY_S
        return failures, once, await bearer(signer)

    failures, once, after = play(scene, source)

    assert {one.message for one in failures} == {"the vault gave no token (RuntimeError)"}
    assert once == 1
    assert after == "token-2"


def test_only_the_kind_of_a_failure_is_told_and_logged(source, caplog):
    caplog.set_level("DEBUG")
    source.problem = ValueError("client_secret=s3cr3t")

    async def scene(signer):
        return await refused(signer)

    failure = play(scene, source)

    assert "s3cr3t" not in f"{failure!r} {failure.__cause__!r} {failure.__context__!r} {caplog.text}"
    assert "the vault gave no token (ValueError)" in caplog.text


def test_words_that_may_be_shown_are(source):
    source.problem = NoToken("install the thing")

    async def scene(signer):
        return await refused(signer)

    assert play(scene, source).message == "install the thing"


def test_a_token_that_arrives_past_its_end_is_refused(source):
    source.lasts_s = -1

    async def scene(signer):
        return await refused(signer), signer._refreshing

    failure, task = play(scene, source)

    assert "past its end" in failure.message
    assert task is None


def test_no_request_waits_longer_than_for_its_first_byte(source):
    async def scene(signer):
        source.open.clear()
        failure = await refused(signer, first_byte_s=0.05)
        source.open.set()
        return failure.message, await bearer(signer)

    assert play(scene, source) == ("the vault gave no token within 0.05 s", "token-1")
    assert source.calls == 1


def test_a_request_that_leaves_does_not_take_the_fetch_along(source):
    async def scene(signer):
        source.open.clear()
        leaving, staying = (asyncio.create_task(bearer(signer)) for _ in range(2))
        await until(lambda: source.calls)
        leaving.cancel()
        await asyncio.wait((leaving,))
        source.open.set()
        return leaving.cancelled(), await staying

    assert play(scene, source) == (True, "token-1")


def test_closing_ends_the_background_and_lets_requests_under_way_finish(source, monkeypatch):
    moved = [0.0]
    monkeypatch.setattr(clock, "now", lambda: time.time() + moved[0])

    async def scene(signer):
        source.open.clear()
        waiting = asyncio.create_task(bearer(signer))
        await until(lambda: source.calls)
        await signer.close()
        source.open.set()
        got = await waiting
        moved[0] = 7200
        late = await bearer(signer)
        names = {task.get_name() for task in asyncio.all_tasks()}
        return got, late, "credentials-refresh" in names

    assert play(scene, source) == ("token-1", "token-2", False)


def test_closing_twice_and_closing_what_never_ran(source):
    async def scene(signer):
        await signer.close()
        await signer.close()

    play(scene, source)


@pytest.mark.parametrize(
    ("failures", "left_s", "least", "most"),
    [
        (0, 3600, 3600 - 360, 3600 - 240),  # five minutes ahead, give or take
        (0, 60, 60 - 36, 60 - 24),  # half of what is short
        (0, 0.1, 1, 1),
        (0, -5, 1, 1),
        (0, 86_400, 3600, 3600),
        (1, 3600, 4, 6),
        (2, 3600, 8, 12),
        (3, 3600, 16, 24),
        (5, 3600, 48, 72),
        (10_000, 3600, 48, 72),
    ],
)
def test_when_the_next_fetch_is(monkeypatch, failures, left_s, least, most):
    monkeypatch.setattr(clock, "now", lambda: 1000.0)
    signer = RefreshingSigner(lambda: Token("", 0), "the vault")
    signer._token, signer._failures = Token("t", 1000.0 + left_s), failures

    pauses = {signer._pause() for _ in range(200)}

    assert least <= min(pauses) <= max(pauses) <= most
    assert len(pauses) > 1 or least == most
