"""What work at a provider has come to when it ended: nothing that was consumed goes uncharged, nothing is charged twice."""

import asyncio
import json
from dataclasses import replace

import pytest

from gateway import clock
from gateway.counters.memory import MemoryCounters
from gateway.ledger.open_jobs import Held, OpenJob
from gateway.ledger.stored_entry import StoredObject
from gateway.pipeline.deferred import look
from gateway.telemetry.decision_record import DecisionRecord
from tests.support.keys import HASH
from tests.support.nodes import Answer, Ledger, Node
from tests.support.objects import NoJobs, Objects

CONFIG = f"""
version: 1
providers:
  one: {{type: openai, api_key: sk-one, base_url: "http://one.test/v1"}}
  anybody: {{type: custom, api_key: sk-two, base_url: "http://anybody.test/v1"}}
prices:
  one/cheap: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  one/dear: {{input_usd_per_mtok: 1, output_usd_per_mtok: 100}}
  anybody/cheap: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  anybody/dear: {{input_usd_per_mtok: 1, output_usd_per_mtok: 100}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{HASH}"}}
"""
HELD = 1_000_000_000
USAGE = {"prompt_tokens": 0, "completion_tokens": 1000, "total_tokens": 1000}


class Played:
    """Answers by the path that is asked for."""

    def __init__(self, **answers):
        self.answers = answers

    async def send(self, request):
        path = request.url.partition("/v1/")[2]
        found = self.answers.get(path.replace("/", "_"))
        return Answer(b"{}", 404) if found is None else Answer(found if isinstance(found, bytes) else dumped(found))


def dumped(value):
    return json.dumps(value).encode()


def job(kind="batch", age_s=300, **more):
    at = clock.microseconds() - age_s * 1_000_000
    record = DecisionRecord(request_id="grq_1", status=200, outcome="ok", occurred_at=at)
    members = {"endpoint": "chat_completions", "models": ("cheap", "dear"), "object_id": "b", **more}
    held = (Held("budget:b", HELD, HELD, None, blocks=True),)
    return OpenJob(
        **{"id": "grq_1", "kind": kind, "virtual_key": "dev", "provider": "one", **members}, record=record, holds=held
    )


def looked_at(work, services=None, **answers):
    node = Node(CONFIG, MemoryCounters(), Ledger(), Played(**answers))
    return asyncio.run(look(work, node.snapshot, replace(node.services, **(services or {}))))


def line(model="cheap", status=200, **body):
    return dumped({"custom_id": "1", "response": {"status_code": status, "body": {"model": model, **body}}}) + b"\n"


REFUSED = line(status=400, error={"message": "no"})
RESPONSE = {"model": "dear", "output": []}
IN_BACKGROUND = {"kind": "background_response", "endpoint": "responses", "models": ("dear",)}


@pytest.mark.parametrize(
    ("work", "answers", "cost", "warning"),
    [
        ({}, line(usage=USAGE) + line("dear-2026", usage=USAGE), 1_000_000 + 100_000_000, None),
        # Whoever serves it by a name of its own is paid as the dearest that was asked.
        ({"provider": "anybody"}, line("own-name", usage=USAGE), 100_000_000, None),
        ({}, REFUSED + b'{"custom_id":"1","response":null,"error":{}}\n[]\n', None, None),
        ({}, line(usage=USAGE) + REFUSED + line() + b"{torn\n", 1_000_000 + HELD // 2, "usage-not-reported"),
        ({"endpoint": "moderations"}, line(), None, None),
        (IN_BACKGROUND, {**RESPONSE, "status": "completed", "usage": {"output_tokens": 10}}, 1_000_000, None),
        (IN_BACKGROUND, {**RESPONSE, "status": "cancelled", "usage": None}, HELD, "usage-not-reported"),
        (IN_BACKGROUND, {**RESPONSE, "status": "failed", "usage": None}, None, None),
        (IN_BACKGROUND, {**RESPONSE, "status": "failed", "usage": {"output_tokens": 10}}, 1_000_000, None),
        (IN_BACKGROUND, {**RESPONSE, "status": "in_progress"}, "it goes on", None),
        (IN_BACKGROUND, None, HELD, "usage-not-reported"),
    ],
)
def test_everything_that_was_consumed_is_charged(work, answers, cost, warning):
    done = {"status": "completed", "output_file_id": "out"}
    outcome = looked_at(job(**work), batches_b=done, files_out_content=answers, responses_b=answers)
    if cost == "it goes on":
        assert outcome is None
    else:
        assert (outcome.cost, outcome.warning) == (cost, warning)


class Known(Objects):
    """The index, in which one batch of the file stands already."""

    async def find(self, virtual_key, ids):
        known = [one for one in ids if one == "b-known" or one in [kept.id for kept in self.kept]]
        return {
            one: StoredObject(id=one, kind="batch", virtual_key=virtual_key, provider="one", created_at=0)
            for one in known
        }


class Begun(NoJobs):
    def __init__(self):
        self.jobs = []

    async def began(self, job, _lease=None):
        self.jobs.append(job)


def test_a_batch_that_nobody_heard_of_is_no_other_of_its_file():
    lost = job(object_id="", input_id="file-1")
    at = lost.created_at // 1_000_000

    def listed(*batches):
        return {"data": [{"id": id_, "input_file_id": file, "created_at": at + after} for id_, file, after in batches]}

    def sought(*batches, work=lost):
        index, jobs = Known(), Begun()
        outcome = looked_at(
            work, {"objects": index, "jobs": jobs}, batches=listed(*batches), **{"batches_b-lost": {"status": "failed"}}
        )
        return outcome, [one.object_id for one in jobs.jobs], [one.id for one in index.kept]

    known, other, later = ("b-known", "file-1", 9), ("b-other", "file-2", 1), ("b-later", "file-1", 299)
    assert sought(known, other, later) == (None, [], [])
    outcome, begun, kept = sought(known, ("b-lost", "file-1", 1), other, later)
    assert (outcome.cost, begun, kept) == (None, ["b-lost"], ["b-lost"])
    # Whoever makes it now may still hear of it.
    fresh = job(object_id="", input_id="file-1", age_s=60)
    assert sought(("b-lost", "file-1", 1), work=fresh) == (None, [], [])
