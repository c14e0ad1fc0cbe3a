"""What work at a provider has come to when it ended: nothing that was consumed goes uncharged, nothing is charged twice."""

import asyncio
import json
from dataclasses import replace
from urllib.parse import parse_qsl

import msgspec
import pytest

from gateway import clock
from gateway.counters.memory import MemoryCounters
from gateway.ledger.open_jobs import Held, OpenJob
from gateway.ledger.stored_entry import StoredObject
from gateway.pipeline.deferred import conclude, look
from gateway.telemetry.decision_record import DecisionRecord
from gateway.upstream.failure import UpstreamFailure
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
        path, _, query = request.url.partition("/v1/")[2].partition("?")
        found = self.answers.get(path.replace("/", "_"))
        if callable(found):
            found = found(dict(parse_qsl(query)))
        if isinstance(found, Answer):
            return found
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


def looked_at(work, services=None, config=CONFIG, **answers):
    node = Node(config, MemoryCounters(), Ledger(), Played(**answers))
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


FREE = f"{CONFIG}on_missing_usage: charge_zero\n"
DONE = {"status": "completed", "output_file_id": "out"}


@pytest.mark.parametrize(
    ("work", "answers", "cost"),
    [
        ({}, {}, HELD),
        ({"kind": "message_batch", "endpoint": "messages"}, {}, HELD),
        (IN_BACKGROUND, {}, HELD),
        ({}, {"batches_b": DONE}, HELD),
        ({"age_s": 73 * 3600}, {"batches_b": {"status": "in_progress"}}, HELD),
        ({}, {"batches_b": DONE, "files_out_content": line(usage=USAGE) + line()}, 1_000_000 + HELD // 2),
        (IN_BACKGROUND, {"responses_b": {**RESPONSE, "status": "cancelled", "usage": None}}, HELD),
    ],
    ids=["a batch", "messages", "a response", "results", "too long", "one of two answers", "a cancelled one"],
)
def test_what_nobody_can_tell_is_charged_as_held_unless_the_file_makes_it_free(work, answers, cost):
    as_held, free = (looked_at(job(**work), config=config, **answers) for config in (CONFIG, FREE))
    assert (as_held.cost, as_held.warning) == (cost, "usage-not-reported")
    assert (free.cost, free.warning) == (cost % (HELD // 2), "usage-not-reported")


@pytest.mark.parametrize("kind", [{}, IN_BACKGROUND])
def test_what_was_begun_a_moment_ago_may_not_be_seen_yet(kind):
    assert looked_at(job(age_s=20, **kind)) is None


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


def paged(batches, size, *, knows_after=True, newest_first=True):
    """A list of batches, a page at a time; how many pages were asked for is its `asked`."""
    ordered = sorted(batches, key=lambda one: one["created_at"], reverse=newest_first)

    def answer(query):
        answer.asked += 1
        ids = [one["id"] for one in ordered]
        first = ids.index(query["after"]) + 1 if knows_after and "after" in query else 0
        of_page = ordered[first : first + min(size, int(query.get("limit", 20)))]
        return {"object": "list", "data": of_page, "has_more": not knows_after or first + size < len(ordered)}

    answer.asked = 0
    return answer


@pytest.mark.parametrize(
    ("how", "found", "pages"),
    [
        ({"size": 100}, "b-lost", 4),
        # Behind what was made before it there is nothing to be found.
        ({"size": 30}, "b-lost", 11),
        ({"size": 30, "newest_first": False}, "b-lost", 17),
        ({"size": 30, "knows_after": False}, None, 2),
    ],
)
def test_a_batch_that_nobody_heard_of_is_sought_on_every_page(how, found, pages):
    lost = job(object_id="", input_id="file-1")
    at = lost.created_at // 1_000_000
    others = [{"id": f"b-{n}", "input_file_id": "file-2", "created_at": at + n} for n in range(-250, 250) if n]
    listed = paged([*others, {"id": "b-lost", "input_file_id": "file-1", "created_at": at}], **how)
    jobs = Begun()
    looked_at(lost, {"objects": Known(), "jobs": jobs}, batches=listed, **{"batches_b-lost": {"status": "failed"}})
    assert [one.object_id for one in jobs.jobs] == ([found] if found else [])
    assert listed.asked == pages


@pytest.mark.parametrize("page", [Answer(b"{}", 500), Answer(b"{}", 429), Answer(b"<html>"), Answer(b"[]", 401)])
def test_a_batch_is_not_lost_while_its_provider_does_not_list_it(page):
    long_ago = job(object_id="", input_id="file-1", age_s=3600)
    with pytest.raises(UpstreamFailure):
        looked_at(long_ago, {"objects": Known(), "jobs": Begun()}, batches=lambda _: page)
    assert looked_at(long_ago).is_lost


class Settled:
    def settle(self, amounts):
        self.amounts = amounts


def shares(config, **answers):
    """What a batch of two requests counts, by unit: under budgets of both, and of one that is half as long."""
    amounts = {"usd": (30, 10), "tokens": (300, 100), "requests": (2, 1)}
    held = [Held(f"{unit}:{most}", most, most, None, True, unit) for unit, both in amounts.items() for most in both]
    work = msgspec.structs.replace(job(most=30, most_tokens=300, count=2), holds=tuple(held))
    node, lease = Node(config, MemoryCounters(), Ledger(), Played(**answers)), Settled()
    conclude(work, asyncio.run(look(work, node.snapshot, node.services)), lease, node.services)
    return [tuple(lease.amounts[f"{unit}:{most}"] for most in both) for unit, both in amounts.items()]


@pytest.mark.parametrize(
    ("answers", "counted", "counted_if_free"),
    [
        ([line(usage=USAGE), line(usage=USAGE)], [(2_000_000, 666_667), (2000, 667), (2, 1)], None),
        ([line(usage=USAGE), REFUSED], [(1_000_000, 333_334), (1000, 334), (1, 1)], None),
        ([line(usage=USAGE), line()], [(1_000_015, 333_339), (1150, 384), (2, 1)], [(1_000_000, 333_334), (1000, 334), (2, 1)]),
        ([REFUSED, REFUSED], [(0, 0), (0, 0), (0, 0)], None),
        (None, [(30, 10), (300, 100), (2, 1)], [(0, 0), (0, 0), (2, 1)]),
    ],
    ids=["both", "one that was answered", "one that says nothing", "none", "nobody can tell"],
)  # fmt: skip
def test_a_budget_of_a_part_of_a_batch_has_its_share_of_what_was_answered(answers, counted, counted_if_free):
    played = {"batches_b": DONE} if answers is None else {"batches_b": DONE, "files_out_content": b"".join(answers)}
    assert shares(CONFIG, **played) == counted
    assert shares(FREE, **played) == (counted_if_free or counted)
