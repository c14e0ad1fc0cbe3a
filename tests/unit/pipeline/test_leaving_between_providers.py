"""A client that leaves after one provider has failed, while the counters are asked whether the next one has room."""

import asyncio

import msgspec
import pytest

from gateway.counters.memory import MemoryCounters
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.pipeline.run import run
from gateway.pipeline.services import Services
from gateway.pipeline.states import Received
from gateway.shapes.endpoints import ENDPOINTS
from gateway.telemetry.access_log import Callers
from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.metrics import Metrics
from gateway.upstream.circuit_breaker import CircuitBreakers
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.wire.json_body import JsonBody
from tests.support.keys import HASH, SECRET
from tests.support.objects import NoJobs, NoUploads, Objects
from tests.support.snapshot import snapshot_of

CONFIG = f"""
version: 1
providers:
  cheap: {{type: anthropic, api_key: k}}
  full: {{type: anthropic, api_key: k, rate_limits: {{rpm: 1}}}}
  dear: {{type: openai, api_key: k, rate_limits: {{rpm: 1}}}}
model_aliases: {{any: [cheap/m, full/m, dear/m]}}
fallback: {{chain: [cheap, full, dear], on: [5xx, timeout]}}
prices:
  cheap/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  full/m: {{input_usd_per_mtok: 100, output_usd_per_mtok: 100}}
  dear/m: {{input_usd_per_mtok: 1000, output_usd_per_mtok: 1000}}
budgets:
  cap: {{scope: {{virtual_key: dev}}, window: total, limit_usd: 100}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{HASH}", rate_limits: {{tpm: 1000}}}}
"""
BODY = b'{"model":"any","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]}'
ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'
USAGE = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":40,"output_tokens":1}}}\n\n'


class Answer:
    """A response whose body is there already."""

    def __init__(self, status, body):
        self.status = status
        self.headers = [("content-type", "text/event-stream")]
        self.closed = False
        self._pieces = [body]

    async def read_chunk(self):
        return self._pieces.pop() if self._pieces else None

    async def close(self):
        self.closed = True


class Upstream:
    """Answers once, or fails; it is a bug to ask it again."""

    def __init__(self, answer):
        self._answers = [answer]

    async def send(self, _request):
        answer = self._answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Counters:
    """Has no room for the second candidate, and says nothing of the third."""

    fault = None

    def __init__(self):
        self.waits = asyncio.Event()
        self._memory = MemoryCounters()
        self.standings = self._memory.standings
        self.used = self._memory.used
        self.settled_until = self._memory.settled_until

    async def reserve(self, holds):
        if any(hold.limit.key == "provider:dear:rpm" for hold in holds):
            self.waits.set()
            await asyncio.Event().wait()
        return await self._memory.reserve(holds)


class Ledger:
    refuses = False

    def __init__(self):
        self.entries = []

    def append(self, payload):
        self.entries.append(msgspec.json.decode(payload, type=DecisionRecord))
        return True


class NoTracing:
    def sample(self, _context, _collector):
        return None


@pytest.fixture
def leave():
    """What the ledger keeps of a request whose first provider answers so, and whose client leaves before the third; and
    how many tokens count against its key."""

    async def ask(answer):
        snapshot = snapshot_of(CONFIG, Upstream(answer))
        counters, ledger = Counters(), Ledger()
        services = Services(
            counters=counters,
            on_counter_loss=None,
            ledger=ledger,
            breakers=CircuitBreakers(),
            metrics=Metrics(),
            decision_log=None,
            tracing=NoTracing(),
            objects=Objects(),
            uploads=NoUploads(),
            jobs=NoJobs(),
            guesses=KeyGuesses(0, Callers("node")),
            disconnect_drain_bytes=0,
        )
        full = snapshot.upstreams["full"].holds[0]
        await counters.reserve([full])
        credential = [(b"authorization", f"Bearer {SECRET}".encode())]
        received = Received(snapshot, ENDPOINTS["messages"], credential, b"", "grq_1")

        async def read_body():
            return JsonBody(BODY)

        request = asyncio.create_task(run(received, services, read_body))
        await asyncio.wait_for(counters.waits.wait(), 5)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        assert not list(counters.standings())
        (entry,) = ledger.entries
        (tokens,) = snapshot.key_named("dev").holds
        return entry, counters.used(tokens.limit)

    return lambda answer: asyncio.run(ask(answer))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Answer(500, b""), "500"), (UpstreamFailure(FailureKind.TIMEOUT, "no first byte within 1 s"), "timeout")],
    ids=["answered with a failure", "did not answer"],
)
def test_neither_who_failed_nor_who_was_not_asked_is_paid(leave, answer, outcome):
    entry, tokens = leave(answer)

    assert (entry.status, entry.outcome) == (499, "client_left")
    assert tokens == 0
    assert [attempt.outcome for attempt in entry.attempts] == [outcome, "rate_limited"]
    assert (entry.cost_nano_usd, entry.budgets) == (None, ())
    assert (entry.provider, entry.model, entry.body) == ("cheap", "m", "spliced")


def test_what_the_failed_one_reported_is_paid_at_its_price(leave):
    answer = Answer(200, ERROR + USAGE)
    entry, _ = leave(answer)

    assert [attempt.outcome for attempt in entry.attempts] == ["error_in_stream", "rate_limited"]
    assert entry.cost_nano_usd == 41 * 1000
    assert [charge.amount for charge in entry.budgets] == [41 * 1000]
    assert entry.provider == "cheap"
    assert answer.closed
