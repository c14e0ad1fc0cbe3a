"""What providers publish as a multiplier on their list: tiers of service, speeds and regions.

Prices of a tier that the catalogue states in full are its own; these are what it leaves out. Sources are named beside
the rows. What is prepaid, such as Anthropic's priority, OpenAI's scale or Bedrock's reserved tier, has no row: its
tokens have no price of their own, count at the list, and are told.
"""

import re
from dataclasses import dataclass
from typing import Final

REGIONAL: Final = "regional"
"""The region of an endpoint that keeps inference in one geography."""

_SINCE_CLAUDE_4_6: Final = r"claude-(opus-4-[6-9]|sonnet-4-[6-9]|(opus|sonnet|haiku|fable|mythos)-[5-9])"
_SINCE_CLAUDE_4_5: Final = r"claude-((opus|sonnet|haiku)-4-[5-9]|(opus|sonnet|haiku|fable|mythos)-[5-9])"
_SINCE_GPT_5_4: Final = r"gpt-(5\.[4-9]|[6-9])"


@dataclass(frozen=True)
class Multiplier:
    """One row: at a publisher of the catalogue, models that a pattern matches cost so many thousandths of the list."""

    publisher: str
    models: str
    by: str
    value: str
    per_mille: int

    def applies_to(self, publisher: str, model: str) -> bool:
        """Whether it is this row's model."""
        return publisher == self.publisher and re.search(self.models, model) is not None


MULTIPLIERS: Final = (
    # https://platform.claude.com/docs/en/manage-claude/data-residency: 1.1 from Claude Opus 4.6 on.
    Multiplier("anthropic", _SINCE_CLAUDE_4_6, "region", "us", 1100),
    # https://platform.claude.com/docs/en/build-with-claude/fast-mode: $30 and $150 for $5 and $25.
    Multiplier("anthropic", r"claude-opus-4-[67]", "speed", "fast", 6000),
    # https://platform.claude.com/docs/en/api/service-tiers: batches cost a half.
    Multiplier("anthropic", "", "service_tier", "batch", 500),
    # https://developers.openai.com/api/docs/guides/ultrafast: six times the list.
    Multiplier("openai", r"gpt-6-astra", "service_tier", "ultrafast", 6000),
    # https://developers.openai.com/api/docs/guides/data-residency: 1.1 for models from March 5, 2026 on.
    Multiplier("openai", _SINCE_GPT_5_4, "region", REGIONAL, 1100),
    # https://learn.microsoft.com/azure/foundry/openai/how-to/flex-processing: half the list.
    Multiplier("azure", "", "service_tier", "flex", 500),
    # https://aws.amazon.com/bedrock/pricing: flex half, priority 1.75 times, latency-optimized 1.25 times the list.
    Multiplier("aws", "", "service_tier", "flex", 500),
    Multiplier("aws", "", "service_tier", "priority", 1750),
    Multiplier("aws", "", "speed", "optimized", 1250),
    # https://ai.google.dev/gemini-api/docs/pricing: flex half, priority 1.8 times the list.
    Multiplier("google", r"gemini", "service_tier", "flex", 500),
    Multiplier("google", r"gemini", "service_tier", "priority", 1800),
    # https://cloud.google.com/vertex-ai/generative-ai/pricing: Claude at regional endpoints, from 4.5 on.
    Multiplier("google", _SINCE_CLAUDE_4_5, "region", REGIONAL, 1100),
    # https://console.groq.com/docs/service-tiers: flex costs what on-demand does.
    Multiplier("groq", "", "service_tier", "flex", 1000),
)
"""Rows in no order: no two say something of the same service of a model."""
