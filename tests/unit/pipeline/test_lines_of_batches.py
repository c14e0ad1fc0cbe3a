"""Lines of batches, as they go up and as their results come: however they are cut, and no more of them than may be."""

import asyncio
import json
import os

import pytest

from gateway.counters.memory import MemoryCounters
from gateway.errors import GatewayError
from gateway.money.habits import Habits
from gateway.pipeline.batch_requests import BatchRequests
from gateway.pipeline.deferred import _JudgedFile
from gateway.pipeline.own_calls import lines_of
from gateway.pipeline.states import Received
from gateway.shapes.deferred import MOST_REQUESTS
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.stored_endpoints import STORED
from gateway.upstream.failure import UpstreamFailure
from tests.support.keys import HASH, SECRET
from tests.support.nodes import Ledger, Node


class Pieces:
    """An answer that comes in pieces."""

    def __init__(self, *pieces):
        self._pieces = list(pieces)

    async def read_chunk(self):
        return self._pieces.pop(0) if self._pieces else None


async def read(*pieces):
    return [line async for line in lines_of(Pieces(*pieces), 5)]


def test_lines_of_results_are_whole_however_they_come():
    lines = [b"one", b"", b"two\r", b" ", b"three", b"4"]
    whole = b"\n".join(lines)
    for size in range(1, len(whole) + 1):
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        assert asyncio.run(read(*pieces)) == [b"one", b"two\r", b"three", b"4"], size
    assert asyncio.run(read()) == []
    with pytest.raises(UpstreamFailure, match="more than 5 bytes"):
        asyncio.run(read(b"1\n123", b"456\n"))


class File:
    """What was uploaded."""

    def __init__(self, content, path):
        path.write_bytes(content)
        self.descriptor, self.size = os.open(path, os.O_RDONLY), len(content)

    def close(self):
        os.close(self.descriptor)


def test_a_file_of_empty_lines_comes_to_an_end(tmp_path):
    async def judged(count):
        file = File(b"\n" * count, tmp_path / "lines")
        try:
            return sum([len(piece) async for piece in _JudgedFile(None, [file], "file-1", "/v1/responses").pieces()])
        finally:
            file.close()

    assert asyncio.run(judged(2 * MOST_REQUESTS)) == 2 * MOST_REQUESTS
    with pytest.raises(GatewayError, match="at most 200000 lines"):
        asyncio.run(judged(2 * MOST_REQUESTS + 1))


CONFIG = f"""
version: 1
providers: {{one: {{type: openai, api_key: k}}}}
budgets: {{each: {{scope: {{virtual_key: dev}}, each: end_user, window: day, limit_usd: 1, unpriced: allow}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""


@pytest.mark.parametrize(
    ("most", "changes", "said"), [(100, "model", "may ask for 100 models"), (1000, "user", "counted by 1000 budgets")]
)
def test_what_looks_after_a_batch_later_is_bounded(most, changes, said):
    snapshot = Node(CONFIG, MemoryCounters(), Ledger()).snapshot
    making = next(row for row in STORED if row.name == "batches_create")
    received = Received(snapshot, making, [], b"", "grq_1")
    requests = BatchRequests(received, snapshot.authenticate(SECRET).key, Habits(), "one")
    asked = {"model": "one/gpt-5", "user": "a", "messages": [], "max_tokens": 1}

    def take(number):
        body = {**asked, changes: f"{asked[changes]}{number}"}
        requests.take(ENDPOINTS["chat_completions"], json.dumps(body).encode(), f"file:{number}")

    for number in range(most):
        take(number)
    with pytest.raises(GatewayError) as refused:
        take(most)
    assert refused.value.message.startswith(f"file:{most}: ")
    assert said in refused.value.message


def test_the_lines_of_a_batch_are_ruled_and_warned_of_as_if_each_had_come_alone():
    ruled = "models_allowed: {allow: [gpt-4*], mode: warn}, request: {max_tokens: {max: 5}}"
    snapshot = Node(
        CONFIG.replace("environment: test,", f"environment: test, {ruled},"), MemoryCounters(), Ledger()
    ).snapshot
    making = next(row for row in STORED if row.name == "batches_create")
    received = Received(snapshot, making, [], b"", "grq_1")
    requests = BatchRequests(received, snapshot.authenticate(SECRET).key, Habits(), "one")
    asked = {"model": "one/gpt-5", "user": "a", "messages": [], "max_tokens": 10}

    goes_up = requests.take(ENDPOINTS["chat_completions"], json.dumps(asked).encode(), "file:1")

    assert json.loads(goes_up) == {**asked, "model": "gpt-5", "max_tokens": 5}
    assert [one.name for one in received.trail.warned] == ["models_allowed"]


def test_what_a_batch_says_of_whom_it_is_for_decides_where_its_lines_go():
    models = """
models:
  smart: {split: {first: 1, second: 1}, sticky: end_user}
  first: {at: {one: gpt-4o}}
  second: {at: {one: gpt-5}}
"""
    snapshot = Node(CONFIG + models, MemoryCounters(), Ledger()).snapshot
    making = next(row for row in STORED if row.name == "batches_create")
    asked = {"model": "smart", "messages": [], "max_tokens": 10}

    def met(person):
        received = Received(snapshot, making, [(b"x-langwatch-end-user-id", person)], b"", "grq_1")
        requests = BatchRequests(received, snapshot.authenticate(SECRET).key, Habits(), "one")
        for number in range(12):
            requests.take(ENDPOINTS["chat_completions"], json.dumps(asked).encode(), f"file:{number}")
        return tuple(requests.models)

    assert {met(b"%d" % person) for person in range(30)} == {("gpt-4o",), ("gpt-5",)}
