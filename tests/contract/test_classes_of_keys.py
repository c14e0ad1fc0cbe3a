"""Keys that share a class are served by what it says, and by a change of it without a restart."""

import pytest

from tests.support.keys import new_key

SECRETS = {name: new_key() for name in ("ada", "lin", "own")}
CONFIG = """
version: 1
providers: {{simulator: {{type: simulator}}}}
policy_rules: {{no-shell: {{tools: {{deny: ['^Bash']}}}}}}
teams: {{engineering: {{class: engineer}}}}
principals: {{ada: {{team: engineering}}, lin: {{team: engineering, class: contractor}}}}
key_classes:
  engineer: {{models_allowed: ["gpt-5*", "claude-*"], policy_rules: [no-shell], environment: test, rate_limits: {{rpm: {rpm}}}}}
  contractor: {{extends: engineer}}
virtual_keys:
  ada: {{principal: ada, secret_hash: {ada}}}
  lin: {{principal: lin, models_allowed: ["*-mini"], secret_hash: {lin}}}
  own: {{class: engineer, models_allowed: null, policy_rules: null, secret_hash: {own}}}
"""  # fmt: skip


@pytest.fixture(scope="module")
def gateway(module_gateway):
    hashes = {name: key[1] for name, key in SECRETS.items()}
    return module_gateway(CONFIG.format(rpm=1000, **hashes))


TOOL = {"type": "function", "function": {"name": "Bash", "parameters": {}}}


def ask(gateway, who, model, *tools):
    body = {"model": f"simulator/{model}", "messages": [{"role": "user", "content": "hi"}]}
    body |= {"tools": tools} if tools else {}
    return gateway.post(body, headers={"authorization": f"Bearer {SECRETS[who][0]}"})


@pytest.mark.parametrize(
    ("who", "model", "tools", "status"),
    [
        ("ada", "gpt-5", [], 200),
        ("ada", "o3", [], 403),
        ("ada", "gpt-5", [TOOL], 403),
        ("lin", "gpt-5-mini", [], 200),
        ("lin", "gpt-5", [], 403),
        ("lin", "o4-mini", [], 403),
        ("own", "o3", [TOOL], 200),
    ],
)
def test_a_key_may_do_what_it_and_its_classes_let(gateway, who, model, tools, status):
    answer = ask(gateway, who, model, *tools)

    assert answer.status_code == status, answer.text


def test_a_change_of_a_class_reaches_its_keys(gateway):
    ask(gateway, "own", "gpt-5")
    gateway.write_config(CONFIG.format(rpm=1, **{name: key[1] for name, key in SECRETS.items()}))

    gateway.wait(lambda: ask(gateway, "ada", "gpt-5").status_code == 429)

    assert ask(gateway, "own", "gpt-5").status_code == 429
