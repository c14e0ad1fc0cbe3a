"""Whatever is long of a body is read in other threads than the event loop's, and what is short in none."""

import asyncio
import json
import threading

import pytest

from gateway.counters.memory import MemoryCounters
from gateway.pipeline import holds
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.pipeline.run import run
from gateway.pipeline.services import Services
from gateway.pipeline.states import Received
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.request_rules import RequestRules
from gateway.telemetry.access_log import Callers
from gateway.telemetry.metrics import Metrics
from gateway.turns import LONG_BYTES
from gateway.upstream.circuit_breaker import CircuitBreakers
from gateway.wire.json_body import JsonBody
from tests.support.keys import HASH, SECRET, new_key
from tests.support.objects import NoJobs, NoUploads, Objects
from tests.support.snapshot import snapshot_of

pytestmark = pytest.mark.looks_inside

_, OTHER = new_key()
CONFIG = f"""
version: 1
providers:
  openai: {{type: openai, api_key: k}}
  claude: {{type: anthropic, api_key: k}}
%s
prices:
  openai/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  claude/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
policy_rules: {{none: {{tools: {{deny: [^shell]}}, mcp: {{deny: [^shell]}}, models: {{deny: [^x]}}}}}}
budgets: {{cap: {{scope: {{virtual_key: %s}}, window: total, limit_usd: 100}}}}
virtual_keys:
  other: {{environment: test, secret_hash: "{OTHER}"}}
  plain: {{environment: test, secret_hash: "{HASH}", %s}}
"""
FREE = CONFIG % ("", "other", "tags: [a=b]")
LIMITED = CONFIG % ("", "plain", "policy_rules: [none], rate_limits: {tpm: 1000000}")
RULED = CONFIG % ("  ruled: {type: openai, api_key: k, request: {seed: {drop: true}}}", "other", "tags: [a=b]")
CHAT = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
MESSAGE = b'{"type":"message","role":"assistant","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}'
LONG, LARGE, SHORT = "a" * LONG_BYTES, "a" * 1024 * 1024, "a"


class Answer:
    """An answer that states no usage, so that the request's end asks what its prompt was at most."""

    was_held_back = False

    def __init__(self, body):
        self.status = 200
        self.headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
        self._body = body

    async def read_chunk(self):
        body, self._body = self._body, b""
        return body or None

    async def read_all(self):
        return self._body

    async def close(self):
        pass


class Upstream:
    def __init__(self):
        self.bodies = []

    async def send(self, request):
        self.bodies.append(request.body)
        return Answer(MESSAGE if "/messages" in request.url else CHAT)


class Ledger:
    refuses = False

    def append(self, _payload):
        return True


class NoTracing:
    def sample(self, _context, _collector):
        return None


class Watched(JsonBody):
    """A body that remembers which threads read anything long of it."""

    def __init__(self, data):
        super().__init__(data)
        self.threads = set()

    def _told(self, found):
        if found is not None and len(found) > 1024:
            self.threads.add(threading.get_ident())
        return found

    def raw(self, name):
        return self._told(super().raw(name))

    def decoded(self, name):
        return self._told(super().decoded(name))

    def document(self):
        self.threads.add(threading.get_ident())
        return super().document()

    def replacing_model(self, model):
        self.threads.add(threading.get_ident())
        return super().replacing_model(model)


@pytest.fixture
def readers(monkeypatch):
    """The threads that read a body on its way to a model, and those that looked through it for what it may cost."""

    def ask(config, endpoint, model, text, **more):
        bounding, bound = set(), holds.bound_input

        def bound_input(data, find_media):
            bounding.add(threading.get_ident())
            return bound(data, find_media)

        monkeypatch.setattr(holds, "bound_input", bound_input)
        tool = {"name": "f", "description": "d" * 64}
        if endpoint != "messages":
            tool = {"type": "function", "function": tool, "name": "f"}
        messages = [{"role": "user", "content": text}]
        fields = {"model": model, "max_tokens": 9, "tools": [tool], "messages": messages, **more}
        body = Watched(json.dumps(fields).encode())

        async def read():
            return body

        async def answered():
            upstream = Upstream()
            services = Services(
                counters=MemoryCounters(),
                on_counter_loss=None,
                ledger=Ledger(),
                breakers=CircuitBreakers(),
                metrics=Metrics(),
                decision_log=None,
                tracing=NoTracing(),
                objects=Objects(),
                uploads=NoUploads(),
                jobs=NoJobs(),
                disconnect_drain_bytes=0,
                guesses=KeyGuesses(0, Callers("node")),
            )
            headers = [(b"authorization", f"Bearer {SECRET}".encode())]
            snapshot = snapshot_of(config, upstream)
            reply = await run(Received(snapshot, ENDPOINTS[endpoint], headers, b"", "grq_1"), services, read)
            assert reply.status == 200
            assert json.dumps(text) in json.dumps(json.loads(upstream.bodies[0]))

        asyncio.run(answered())
        return body.threads, bounding

    return ask


@pytest.mark.parametrize("config", [FREE, LIMITED])
@pytest.mark.parametrize(
    ("endpoint", "model", "text", "more"),
    [
        ("chat_completions", "openai/m", LARGE, {}),
        ("chat_completions", "claude/m", LARGE, {}),
        ("chat_completions", "openai/m", [{"type": "text", "text": LONG, "tools": []}], {}),
        ("chat_completions", "openai/m", SHORT, {"metadata": {"a": LONG}}),
        ("messages", "claude/m", SHORT, {"metadata": {"user_id": "a", "b": LONG}}),
        ("responses", "openai/m", SHORT, {"input": [{"type": "reasoning", "id": LONG, "image_url": ""}]}),
        ("completions", "openai/m", SHORT, {"prompt": [LONG, "a"]}),
    ],
)
def test_a_long_body_is_read_beside_the_event_loop(readers, config, endpoint, model, text, more):
    reading, bounding = readers(config, endpoint, model, text, **more)

    assert reading
    assert threading.get_ident() not in reading | bounding


@pytest.mark.parametrize("config", [FREE, LIMITED])
@pytest.mark.parametrize("model", ["openai/m", "claude/m"])
def test_a_conversation_that_declares_nothing_is_looked_through_at_once(readers, config, model):
    reading, bounding = readers(config, "chat_completions", model, LONG)

    assert not bounding
    assert (threading.get_ident() in reading) == (model == "openai/m")


@pytest.mark.parametrize(("text", "is_beside"), [(LONG, True), (SHORT, False)])
def test_fields_of_a_long_body_are_edited_beside_the_event_loop(readers, monkeypatch, text, is_beside):
    editing, edited = set(), RequestRules.edited

    def watched(rules, endpoint, body):
        editing.add(threading.get_ident())
        return edited(rules, endpoint, body)

    monkeypatch.setattr(RequestRules, "edited", watched)

    readers(RULED, "chat_completions", "ruled/m", text, seed=1)

    assert editing
    assert (threading.get_ident() not in editing) is is_beside


@pytest.mark.parametrize("config", [FREE, LIMITED])
@pytest.mark.parametrize("model", ["openai/m", "claude/m"])
def test_a_short_body_costs_no_thread(readers, config, model):
    reading, bounding = readers(config, "chat_completions", model, SHORT)

    assert reading | bounding == {threading.get_ident()}
