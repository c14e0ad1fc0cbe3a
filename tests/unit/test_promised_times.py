"""How long what is promised to take a time waits at most, by a clock that no busy machine slows."""

import asyncio
from types import SimpleNamespace

import pytest

from gateway.pipeline.ask import _peek_at_openings
from gateway.server.client_watch import SCOPE_KEY, ClientLayer
from gateway.server.llm_resource import _Call
from gateway.shapes.chat import EVENTS
from gateway.snapshot import watch
from gateway.snapshot.holder import Holder
from gateway.snapshot.reload import Reloader
from tests.support.own_time import run_in_own_time

OPENING = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'


def seconds_until_cancelled(monkeypatch, left_s, *, awaits_usage):
    """From a client's leaving to the end of its request, whose upstream says nothing more."""

    async def main():
        loop = asyncio.get_running_loop()
        ended = []

        async def receive():
            await asyncio.sleep(max(0.0, left_s - loop.time()))
            return {"type": "http.disconnect"}

        async def app(scope, _receive, _send):
            trail = SimpleNamespace(key=SimpleNamespace(drains=False), candidate="a provider")
            received = SimpleNamespace(trail=trail, client_left=False)
            call = _Call(SimpleNamespace(disconnect_drain_s=0.0), scope, scope[SCOPE_KEY], received)
            call.reply = SimpleNamespace(stream=SimpleNamespace(has_ended=False, awaits_usage=awaits_usage))
            scope[SCOPE_KEY].on_leave(call.client_left)
            try:
                await asyncio.sleep(3600)
            finally:
                ended.append(loop.time())

        await ClientLayer(app, 30)({"type": "http", "http_version": "1.1", "method": "POST"}, receive, None)
        return ended[0]

    return run_in_own_time(monkeypatch, main) - left_s


@pytest.mark.parametrize("left_s", [0.01, 5])
def test_a_client_that_leaves_is_noticed_and_its_call_cancelled_within_a_second(monkeypatch, left_s):
    took_s = seconds_until_cancelled(monkeypatch, left_s, awaits_usage=False)

    assert 0 <= took_s <= 1


def test_the_usage_of_a_client_that_left_is_waited_for_two_seconds(monkeypatch):
    took_s = seconds_until_cancelled(monkeypatch, 5, awaits_usage=True)

    assert took_s == pytest.approx(2)


def test_openings_are_held_for_three_seconds(monkeypatch):
    async def main():
        pieces = [OPENING]

        async def read_chunk():
            if not pieces:
                await asyncio.sleep(3600)
            return pieces.pop()

        response = SimpleNamespace(status=200, headers=[], read_chunk=read_chunk)
        _, has_failed = await _peek_at_openings(response, EVENTS, 60)
        return asyncio.get_running_loop().time(), has_failed

    assert run_in_own_time(monkeypatch, main) == (pytest.approx(3), False)


async def events_told(*_, stop_event, debounce, **__):
    """As the file system tells them without end, gathered for as long as the watcher lets them be."""
    while not stop_event.is_set():
        await asyncio.sleep(debounce / 1000)
        yield set()


async def events_lost(*_, stop_event, rust_timeout, yield_on_timeout, **__):
    """As where an event goes missing."""
    assert yield_on_timeout
    while not stop_event.is_set():
        await asyncio.sleep(rust_timeout / 1000)
        yield set()


async def no_events(*_, **__):
    """As on a file system that tells of none."""
    raise OSError("not supported")
    yield


@pytest.mark.parametrize("awatch", [events_told, events_lost, no_events])
def test_a_changed_file_is_loaded_within_a_second(monkeypatch, tmp_path, awatch):
    monkeypatch.setattr(watch, "awatch", awatch)
    file = tmp_path / "gateway.yaml"
    file.write_text("one")

    def load():
        return SimpleNamespace(revision=file.read_text(), revision_label="")

    async def main():
        loop, swapped = asyncio.get_running_loop(), asyncio.Event()
        reloader = Reloader(
            load=load, holder=Holder(load()), watch_paths=lambda: [file], on_outcome=lambda *_: swapped.set()
        )
        reloader.start()
        await asyncio.sleep(0.01)
        file.write_text("another")
        written = loop.time()
        await swapped.wait()
        took_s = loop.time() - written
        await reloader.close()
        return took_s

    assert run_in_own_time(monkeypatch, main) <= 1
