"""Suffixes of models at OpenRouter, which its list leaves out or has no price for.

Sources: https://openrouter.ai/docs/guides/routing/model-variants/overview (`:nitro`, `:floor` and `:exacto` choose who
serves a model, at the model's price; `:free` costs nothing), https://openrouter.ai/docs/features/web-search (`:online`
searches the web before every answer: $4 for 1,000 results, 5 of them where nobody says otherwise).
"""

from typing import Final

LIST: Final = "openrouter"
"""What the catalogue calls its list."""

SEARCH_FEE: Final = 20_000_000
"""Nano-USD that `:online` costs with every request, beside what tokens cost."""

_ONLINE: Final = ":online"
_FREE: Final = ":free"
_SUFFIXES: Final = (":nitro", ":floor", ":exacto", _ONLINE)


def without_suffixes(model: str) -> str:
    """The model without what says how it is served: the name under which the list has its price."""
    name = model
    while name.lower().endswith(_SUFFIXES):
        name = name.rpartition(":")[0]
    return name


def searches(model: str) -> bool:
    """Whether every request searches the web."""
    return any(f":{part}" == _ONLINE for part in model.lower().split(":")[1:])


def is_free(model: str) -> bool:
    """Whether the model is one that costs nothing."""
    return without_suffixes(model).lower().endswith(_FREE)
