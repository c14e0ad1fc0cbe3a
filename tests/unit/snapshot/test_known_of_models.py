"""What is known of models beside their prices."""

import pytest

from tests.support.keys import HASH
from tests.support.snapshot import snapshot_of

CONFIG = f"""
version: 1
providers:
  openai: {{type: openai, api_key: k}}
  azure: {{type: azure, api_key: k, base_url: https://example.openai.azure.com}}
  vllm: {{type: custom, base_url: https://vllm.example.com/v1}}
prices:
  azure/our-chat: {{base_model: gpt-5-mini}}
reservations:
  models:
    vllm/llama-4: {{context_window: 131072, max_output_tokens: 8192}}
    openai/gpt-5: {{assumed_output_tokens: 20000}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""

WINDOWS = {
    "by the list of the seller": ("openai", "gpt-5", 400_000, 400_000),
    "in another spelling": ("openai", "GPT-5-2025-08-07", 400_000, 400_000),
    "by that of the maker": ("azure", "gpt-5", 400_000, 400_000),
    "of the model that a deployment is": ("azure", "our-chat", 400_000, 400_000),
    "by the file": ("vllm", "llama-4", 131_072, 8_192),
    "of nobody": ("vllm", "who-knows", None, None),
}


@pytest.mark.parametrize(("provider", "model", "window", "most"), WINDOWS.values(), ids=WINDOWS.keys())
def test_what_a_model_takes_in_and_gives_out_is_found(provider, model, window, most):
    snapshot = snapshot_of(CONFIG)

    bounds = snapshot.in_force.reservations.of(provider, snapshot.upstreams[provider].provider.type, model)

    assert (bounds.context_window, bounds.max_output) == (window, most)


def test_the_word_of_a_key_goes_before_that_of_a_model_and_that_before_the_files():
    reservations = snapshot_of(CONFIG).in_force.reservations
    own, other = reservations.of("openai", "openai", "gpt-5"), reservations.of("openai", "openai", "gpt-5-mini")

    assert reservations.assumed_output(7, own) == 7
    assert reservations.assumed_output("max", own) == 400_000
    assert reservations.assumed_output(None, own) == 20_000
    assert reservations.assumed_output(None, other) == 8_192
