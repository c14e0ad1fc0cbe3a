"""A gateway before a played upstream, shared by the tests of one module."""

import pytest

from tests.support.keys import HASH

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


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url))


@pytest.fixture(autouse=True)
def _fresh_upstream(request):
    if "upstream" in request.fixturenames:
        request.getfixturevalue("upstream").reset()
