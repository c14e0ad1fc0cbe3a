"""Which endpoints can be answered through another one, and by which translation. One line each."""

from collections.abc import Mapping
from typing import Final

from gateway.lanes.anthropic_openai import ANTHROPIC_TO_OPENAI
from gateway.lanes.base import Translation
from gateway.lanes.openai_anthropic import OPENAI_TO_ANTHROPIC
from gateway.lanes.openai_converse import OPENAI_TO_CONVERSE

TRANSLATIONS: Final[Mapping[tuple[str, str], Translation]] = {
    ("chat_completions", "messages"): OPENAI_TO_ANTHROPIC,
    ("chat_completions", "converse"): OPENAI_TO_CONVERSE,
    ("messages", "chat_completions"): ANTHROPIC_TO_OPENAI,
}
"""(the client's endpoint, the provider's endpoint) -> how to cross."""
