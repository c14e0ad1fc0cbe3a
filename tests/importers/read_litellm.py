"""Reads LiteLLM's providers and their addresses off an installed LiteLLM, into litellm_providers.json beside it.

`task litellm` runs it in an environment of its own, with the newest version; what changes is to be looked at.
"""

import json
import os
from pathlib import Path

FILE = Path(__file__).parent / "litellm_providers.json"
AUTHENTICATING = ("chatgpt", "github_copilot")
"""Asking for these begins a sign-in."""


def providers() -> dict[str, str | None]:
    """Every provider by its name; `None` where LiteLLM has no address for it, or more than an address."""
    for name in [name for name in os.environ if name.endswith(("_KEY", "_BASE", "_TOKEN", "_URL"))]:
        del os.environ[name]
    import litellm  # noqa: PLC0415 - reads the environment
    from litellm.llms.openai_like import __path__ as folder  # noqa: PLC0415

    listed = json.loads((Path(next(iter(folder))) / "providers.json").read_text())
    names = {str(getattr(one, "value", one)) for one in litellm.provider_list} | set(listed)
    return {name: None if name in AUTHENTICATING else _address(litellm, name) for name in sorted(names)}


def _address(litellm, name: str) -> str | None:
    try:
        *_, base = litellm.get_llm_provider(model=f"{name}/some-model")
    except Exception:  # a provider whose models have another form
        return None
    return base


if __name__ == "__main__":
    FILE.write_text(json.dumps(providers(), indent=1) + "\n")
