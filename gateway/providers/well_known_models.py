"""Names by which everybody knows whose model it is, for requests that name neither provider nor alias."""

from typing import Final

_OPENAI = ("openai", "azure")

# The first prefix that fits decides; the provider types stand in order of preference.
WELL_KNOWN: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("gpt-", _OPENAI),
    ("chatgpt-", _OPENAI),
    ("codex-", _OPENAI),
    ("o1", _OPENAI),
    ("o3", _OPENAI),
    ("o4", _OPENAI),
    ("text-embedding-", _OPENAI),
    ("omni-moderation-", _OPENAI),
    ("text-moderation-", _OPENAI),
    ("dall-e-", _OPENAI),
    ("whisper-", _OPENAI),
    ("tts-", _OPENAI),
    ("claude-", ("anthropic", "bedrock", "vertex")),
    ("anthropic.claude-", ("bedrock",)),
    ("gemini-", ("gemini", "vertex")),
)


def types_serving(model: str) -> tuple[str, ...]:
    """The provider types that a model of this name belongs to; empty when the name says nothing."""
    for prefix, types in WELL_KNOWN:
        if model.startswith(prefix):
            return types
    return ()
