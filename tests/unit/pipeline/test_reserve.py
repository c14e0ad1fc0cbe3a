"""What a request holds of a budget, how much of that is what such requests usually cost, and what a refusal says."""

import asyncio
from dataclasses import replace

import pytest

from gateway.counters.memory import MemoryCounters
from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node
from tests.support.objects import NoJobs

CONFIG = f"""
version: 1
providers: {{openai: {{type: openai, api_key: k}}, claude: {{type: anthropic, api_key: k}}}}
prices:
  openai/m: {{input_usd_per_mtok: 3, output_usd_per_mtok: 15, cache_read_usd_per_mtok: 0.3}}
  openai/dear: {{input_usd_per_mtok: 3000, output_usd_per_mtok: 15}}
  openai/once: {{per_request_usd: 2}}
  claude/m: {{input_usd_per_mtok: 3, output_usd_per_mtok: 15}}
budgets: {{cap: {{scope: {{virtual_key: dev}}, window: total, %s}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
WORST = CONFIG % "limit_usd: 1"
LEARNED = CONFIG % "limit_usd: 6, reserve: learned, reserve_margin_usd: 5"
AGENT = {"model": "openai/m", "messages": [{"role": "user", "content": "long " * 12_000}], "max_tokens": 32_000}
ENDS = {"output": 400, "input": 15_000, "cached": 14_000}


def node(config):
    return Node(config, MemoryCounters(), Ledger())


def asks(node, count, **metadata):
    return asyncio.run(_at_once(node, count, metadata))


async def _at_once(node, count, metadata):
    body = {**AGENT, "metadata": {**ENDS, **metadata}}
    return await asyncio.gather(*(node.ask(body) for _ in range(count)))


def test_worst_lets_as_many_go_on_at_once_as_could_all_cost_the_most():
    assert asks(node(WORST), 10, after=0.05).count(200) == 1


def test_learned_lets_all_go_on_at_once_once_it_knows_what_they_cost():
    learning = node(LEARNED)
    assert asks(learning, 10, after=0.05).count(200) == 1
    for _ in range(16):
        asks(learning, 1)

    assert asks(learning, 8, after=0.05).count(200) == 8


def test_when_what_is_kept_back_is_used_up_requests_hold_the_most_that_they_can_cost():
    learning = node(LEARNED)
    for _ in range(16):
        asks(learning, 1)

    admitted = asks(learning, 30, after=0.05).count(200)

    assert admitted == 9 + 1, "five dollars for what nine may cost beyond the usual, and room for one that holds it all"


class Begun(NoJobs):
    """Remembers what was held of budgets for what began, and gives it back."""

    def __init__(self):
        self.held = []

    async def open(self, *_asked):
        pass

    async def began(self, job, lease=None):
        lease.cancel()
        self.held.append([(one.counter, one.amount) for one in job.holds])


def test_what_goes_on_in_the_background_holds_the_most_and_teaches_nothing():
    held = {}
    for config in (WORST, LEARNED):
        tried = node(config)
        tried.services = replace(tried.services, jobs=(begun := Begun()))
        asked = {"model": "openai/m", "input": "long " * 12_000, "max_output_tokens": 32_000, "metadata": ENDS}
        for is_known in (False, True):
            for _ in range(16):
                assert asyncio.run(tried.ask({**asked, "background": True}, "responses")) == 200
            assert (tried.services.habits.of("dev", "openai/m") is not None) is (is_known and config == LEARNED)
            for _ in range(16):
                assert asyncio.run(tried.ask(asked, "responses")) == 200
        held[config] = {str(one) for one in begun.held}

    assert held[WORST] == held[LEARNED]
    assert len(held[WORST]) == 1


def test_what_was_learned_is_of_the_key_and_the_model():
    learning = node(LEARNED)
    for _ in range(16):
        asks(learning, 1)

    async def others():
        body = {**AGENT, "model": "claude/m", "metadata": {}}
        return await asyncio.gather(*(learning.ask(body, "messages") for _ in range(4)))

    assert asyncio.run(others()).count(200) <= 1


def refused(config, **more):
    refusing = node(config)
    assert asyncio.run(refusing.ask({**AGENT, **more})) == 402
    return refusing.refusal


TINY = CONFIG % "limit_usd: 0.2"


def test_a_refusal_says_what_was_held_and_with_which_limit_the_request_would_have_passed():
    refusal = refused(TINY)

    fits = refusal.meta["output_tokens_that_fit"]
    assert refusal.param == "max_tokens"
    assert (
        refusal.meta.items() >= {"left_usd": "0.2", "output_tokens": 32_000, "output_tokens_from": "max_tokens"}.items()
    )
    assert f"it has `max_tokens` 32000: with `max_tokens` of at most {fits} it has room" in refusal.message
    assert asyncio.run(node(TINY).ask({**AGENT, "max_tokens": fits})) == 200
    assert refused(TINY, max_tokens=fits + 1).status == 402


def test_a_refusal_says_what_was_assumed_where_no_limit_is_set():
    refusal = refused(CONFIG % "limit_usd: 0.15", max_tokens=None)

    assert refusal.meta.items() >= {"output_tokens": 8_192, "output_tokens_from": "assumed_output_tokens"}.items()
    assert "it has no `max_tokens`, so that 8192 are assumed" in refusal.message


def test_a_refusal_says_the_limit_of_each_of_several_answers():
    refusal = refused(TINY, n=2)

    fits = refusal.meta["output_tokens_that_fit"]
    assert asyncio.run(node(TINY).ask({**AGENT, "n": 2, "max_tokens": fits})) == 200
    assert refused(TINY, n=2, max_tokens=fits + 1).status == 402


@pytest.mark.parametrize("model", ["openai/dear", "openai/once"])
def test_a_refusal_names_no_limit_where_none_would_help(model):
    refusal = refused(WORST, model=model)

    assert refusal.meta.get("output_tokens_that_fit") is None
    assert "it has room" not in refusal.message
