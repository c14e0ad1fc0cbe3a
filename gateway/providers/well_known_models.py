"""Names by which everybody knows whose model it is, for requests that name neither provider nor alias."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from gateway.money.price_data import installed

_OPENAI = ("openai", "azure")
_ANTHROPIC = ("anthropic", "bedrock", "vertex")
_GOOGLE = ("gemini", "vertex")
MAKERS: Final[Mapping[str, str]] = {"openai": "openai", "anthropic": "anthropic", "gemini": "google"}
"""The maker's list of the catalogue, by the type of provider that he runs himself."""
_TYPES_OF: Final[Mapping[str, tuple[str, ...]]] = {"openai": _OPENAI, "anthropic": _ANTHROPIC, "google": _GOOGLE}
"""By the maker's list in the price catalogue, in which names count as well known."""

# The first prefix that fits decides; the provider types stand in order of preference.
WELL_KNOWN: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("gpt-", _OPENAI),
    ("chatgpt-", _OPENAI),
    ("codex-", _OPENAI),
    ("o1", _OPENAI),
    ("o3", _OPENAI),
    ("o4", _OPENAI),
    ("ft:gpt-", ("openai",)),
    ("sora-", _OPENAI),
    ("text-embedding-", _OPENAI),
    ("omni-moderation-", _OPENAI),
    ("text-moderation-", _OPENAI),
    ("dall-e-", _OPENAI),
    ("whisper-", _OPENAI),
    ("tts-", _OPENAI),
    ("claude-", _ANTHROPIC),
    ("anthropic.claude-", ("bedrock",)),
    ("gemini-", _GOOGLE),
)


def names_of_maker(provider_type: str) -> tuple[str, ...]:
    """The models that the catalogue names of whoever runs an API of this type himself; none of a reseller's."""
    maker = MAKERS.get(provider_type)
    return () if maker is None else tuple(one for one in _names(maker) if provider_type in types_serving(one))


@lru_cache(maxsize=8)
def _names(maker: str) -> tuple[str, ...]:
    return installed().names(maker)


def types_serving(model: str) -> tuple[str, ...]:
    """The provider types that a model of this name belongs to; empty when the name says nothing."""
    for prefix, types in WELL_KNOWN:
        if model.startswith(prefix):
            return types
    return _types_listing(model)


@lru_cache(maxsize=4096)
def _types_listing(model: str) -> tuple[str, ...]:
    """The provider types of the maker whose list of the price catalogue has the model."""
    return next((types for maker, types in _TYPES_OF.items() if installed().find(maker, model) is not None), ())
