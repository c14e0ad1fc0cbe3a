"""What a client hears of a provider that fails with a 5xx: its own words, where a lane leads to it."""

import asyncio
import json

import pytest

from gateway.pipeline import ask
from gateway.upstream.failure import FailureKind, UpstreamFailure
from tests.support.keys import HASH
from tests.support.nodes import Answer, Ledger, Node, Upstream, WatchedCounters

CONFIG = f"""
version: 1
providers: {{anthropic: {{type: anthropic, api_key: k}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
REQUEST = {"model": "anthropic/claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
OVERLOADED = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}).encode()


class Failing(Answer):
    """Fails with a status and these pieces of a body, behind which there may be a failure, or nothing for ever."""

    def __init__(self, *pieces, coded=False):
        super().__init__(b"", 529)
        self.headers = [("content-type", "application/json"), *([("content-encoding", "br")] if coded else [])]
        self.pieces, self.is_closed = list(pieces), False

    async def read_chunk(self):
        piece = self.pieces.pop(0) if self.pieces else None
        if piece is Ellipsis:
            await asyncio.Event().wait()
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def close(self):
        self.is_closed = True


class Answering(Upstream):
    """Gives this answer."""

    def __init__(self, answer):
        self.answer = answer

    async def send(self, _):
        return self.answer


def told(answer, endpoint="chat_completions"):
    node = Node(CONFIG, WatchedCounters(), Ledger(), Answering(answer))
    assert asyncio.run(node.ask(REQUEST, endpoint)) == 502
    assert answer.is_closed
    assert (node.refusal.type, node.refusal.code) == ("provider_error", "upstream_server_error")
    return node.refusal.message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Failing(OVERLOADED[:9], OVERLOADED[9:]), ": Overloaded."),
        (Failing(b"<html><title>Bad Gateway!</title>"), ": Bad Gateway!"),
        (Failing(b"no room", UpstreamFailure(FailureKind.NETWORK, "it went away")), ": no room."),
        (Failing(b"no room", ...), ": no room."),
        (Failing(*[b"x" * 9000] * 9, AssertionError()), f": {'x' * 4095}…"),
        (Failing(b"no room", coded=True), "."),
        (Failing(), "."),
    ],
)
def test_a_lane_keeps_the_words_as_far_as_they_come(answer, words, monkeypatch):
    monkeypatch.setattr(ask, "_WORDS_S", 0.05)

    assert told(answer) == f"The provider anthropic answered 529{words}"


def test_natively_they_are_not_waited_for():
    assert told(Failing(AssertionError()), "messages") == "The provider anthropic answered 529."
