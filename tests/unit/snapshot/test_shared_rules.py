"""Which keys are judged by one and the same judge."""

from tests.support.keys import HASH
from tests.support.snapshot import snapshot_of

KEYS = {
    "one": "[urls]",
    "two": "[urls]",
    "three": "[urls, tools]",
    "four": "[urls, {tools: {deny: [x]}}]",
    "five": "[]",
}
CONFIG = """
version: 1
providers:
  openai: {type: openai, api_key: k}
policy_rules:
  urls: {urls: {deny: [evil]}}
  tools: {tools: {deny: [shell]}}
virtual_keys:
""" + "".join(
    f'  {name}: {{environment: test, secret_hash: "{HASH[:-1]}{number}", policy_rules: {rules}}}\n'
    for number, (name, rules) in enumerate(KEYS.items())
)


def test_keys_under_the_same_named_rules_share_what_is_remembered_of_them():
    snapshot = snapshot_of(CONFIG)
    judges = {name: snapshot._compile_key(name).judge for name in KEYS}

    assert judges["one"] is judges["two"]
    assert len({id(judge) for judge in judges.values()}) == len(KEYS) - 1
