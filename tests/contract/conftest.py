"""A gateway before a played upstream, shared by the tests of one module."""

import time

import pytest

from gateway import clock
from tests.support.collector import HttpCollector
from tests.support.keys import HASH

_DAY_S = 86_400
_LONGEST_TEST_S = 20

CONFIG = """
version: 1
organization: acme
teams: {{engineering: {{}}}}
projects: {{checkout: {{team: engineering}}}}
principals: {{dev-1@example.com: {{team: engineering}}}}
providers:
  openai: {{type: openai, api_key: "${{env:UP_KEY:-sk-upstream}}", base_url: "{url}/v1"}}
  anthropic: {{type: anthropic, api_key: "${{env:UP_KEY:-sk-upstream}}", base_url: "{url}"}}
  simulator: {{type: simulator}}
model_aliases:
  gpt-5-mini: openai/gpt-5-mini
  renamed: openai/gpt-x
  sim: simulator/gpt-5-mini
  claude: anthropic/claude-haiku-4-5
virtual_keys:
  dev:
    environment: test
    project: checkout
    principal: dev-1@example.com
    secret_hash: {hash}
    tags: [env=ci]
{more}
"""


def config(url: str, more: str = "") -> str:
    return CONFIG.format(url=url, hash=HASH, more=more)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Lets midnight (UTC) pass before a test that it would break in on: budgets and reports count anew from then on."""
    left_s = _DAY_S - clock.now() % _DAY_S
    if left_s < _LONGEST_TEST_S:
        time.sleep(left_s)


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url))


@pytest.fixture(scope="module")
def collector():
    started = HttpCollector()
    yield started
    started.close()


@pytest.fixture(autouse=True)
def _fresh_upstream(request):
    if "upstream" in request.fixturenames:
        request.getfixturevalue("upstream").reset()
