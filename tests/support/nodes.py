"""Gateways without a process or a socket: the walk of a request itself, before an upstream that says what it consumed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.counters.hold import CounterStore, Hold, Lease, Refusal
from gateway.counters.memory import MemoryCounters
from gateway.errors import GatewayError
from gateway.money.estimate import bound_input
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.pipeline.run import run
from gateway.pipeline.services import Services
from gateway.pipeline.states import BudgetHold, Received
from gateway.shapes.endpoints import ENDPOINTS
from gateway.telemetry.access_log import Callers
from gateway.telemetry.metrics import Metrics
from gateway.upstream.circuit_breaker import CircuitBreakers
from gateway.upstream.request import UpstreamRequest
from gateway.wire.json_body import JsonBody
from tests.support.keys import SECRET
from tests.support.objects import NoJobs, NoUploads, Objects
from tests.support.snapshot import snapshot_of


class Answer:
    """A whole answer with what it consumed."""

    was_held_back = False

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.status = status
        self.headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
        self._body = body

    async def read_chunk(self) -> bytes | None:
        body, self._body = self._body, b""
        return body or None

    async def read_all(self) -> bytes:
        return self._body

    async def close(self) -> None:
        pass


class Upstream:
    """Consumes what the request's `metadata` says: `output` tokens, `input` (`full`: the most), `cached`, `after` s.

    What is to go on in the background is only begun. `fails_at` names the hosts at which answers of the Responses API say that they failed. `body` is the one that came
    last.
    """

    body: bytes | None = None

    async def send(self, request: UpstreamRequest) -> Answer:
        self.body = request.body
        whole = json.loads(request.body)
        said = whole.get("metadata", {})
        if whole.get("background"):
            return Answer(b'{"id": "resp_1", "object": "response", "status": "queued", "output": [], "usage": null}')
        await asyncio.sleep(said.get("after", 0))
        prompt = _most_of(request) if said.get("input") == "full" else said.get("input", 0)
        answer = _answer(request.url, prompt, said.get("cached", 0), said.get("output", 0))
        if any(f"//{name}." in request.url for name in said.get("fails_at", ())):
            answer |= {"status": "failed", "error": {"code": "server_error", "message": "busy"}}
        return Answer(json.dumps(answer).encode())


def _most_of(request: UpstreamRequest) -> int:
    shape = next(one.shape for one in ENDPOINTS.values() if request.url.endswith(one.suffix))
    return bound_input(request.body, shape.media.found_in).tokens


def _answer(url: str, prompt: int, cached: int, output: int) -> dict[str, Any]:
    """The whole answer of an API."""
    if url.endswith("/messages"):
        usage = {"input_tokens": prompt - cached, "cache_read_input_tokens": cached, "output_tokens": output}
        content = [{"type": "text", "text": "hi"}]
        return {"type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn", "usage": usage}
    if url.endswith("/responses"):
        usage = {
            "input_tokens": prompt,
            "output_tokens": output,
            "input_tokens_details": {"cached_tokens": cached},
        }
        return {"object": "response", "status": "completed", "output": [], "usage": usage}
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    if url.endswith("/embeddings"):
        return {"object": "list", "data": [], "usage": usage}
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": usage}


class Ledger:
    """Nano-USD that everything has cost which was answered."""

    refuses = False

    def __init__(self, cost: int = 0) -> None:
        self.cost = cost

    def append(self, payload: bytes) -> bool:
        self.cost += json.loads(payload).get("cost_nano_usd") or 0
        return True


class _NoTracing:
    def sample(self, _context: object, _collector: object) -> None:
        return None

    def export(self, _request: object) -> None:
        pass


class WatchedCounters:
    """Counters that remember what was held of budgets, their margins apart, in nano-USD: last, and in all."""

    held = held_in_all = 0

    def __init__(self) -> None:
        self._counters = MemoryCounters()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._counters, name)

    async def reserve(self, holds: Sequence[Hold]) -> Lease | Refusal:
        self.held = sum(hold.amount for hold in holds if isinstance(hold, BudgetHold))
        lease = await self._counters.reserve(holds)
        if not isinstance(lease, Refusal):
            self.held_in_all += self.held
        return lease


class Node:
    """One gateway, with a ledger that may be shared and habits of its own."""

    def __init__(self, config: str, counters: CounterStore, ledger: Ledger, upstream: Upstream | None = None) -> None:
        self.snapshot = snapshot_of(config, upstream or Upstream())
        self.refusal: GatewayError | None = None
        self.services = Services(
            counters=counters,
            on_counter_loss=None,
            ledger=ledger,
            breakers=CircuitBreakers(),
            metrics=Metrics(),
            decision_log=None,
            tracing=_NoTracing(),
            objects=Objects("openai", "resp_1"),
            uploads=NoUploads(),
            jobs=NoJobs(),
            guesses=KeyGuesses(0, Callers("node")),
            disconnect_drain_bytes=0,
        )

    async def ask(self, body: Mapping[str, Any], endpoint: str = "chat_completions") -> int:
        """The status of the answer; the refusal is remembered."""
        data = json.dumps(body).encode()

        async def read() -> JsonBody:
            return JsonBody(data)

        headers = [(b"authorization", f"Bearer {SECRET}".encode())]
        received = Received(self.snapshot, ENDPOINTS[endpoint], headers, b"", "grq_1")
        try:
            return (await run(received, self.services, read)).status
        except GatewayError as refusal:
            self.refusal = refusal
            return refusal.status
