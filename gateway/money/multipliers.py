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

DATA_ZONE: Final = "data_zone"
"""The region of deployments on Azure that keep inference in one data zone."""

_SINCE_CLAUDE_4_6: Final = r"claude-(opus-4-[6-9]|sonnet-4-[6-9]|(opus|sonnet|haiku|fable|mythos)-[5-9])"
_SINCE_CLAUDE_4_5: Final = r"claude-((opus|sonnet|haiku)-4-[5-9]|(opus|sonnet|haiku|fable|mythos)-[5-9])"
_SINCE_GPT_5_4: Final = r"gpt-(5\.[4-9]|[6-9])"
_ULTRAFAST: Final = r"gpt-6(\.2)?-astra|gpt-6\.[12]-sol"
_REGIONAL_GEMINI: Final = r"gemini-(3\.1-flash-(lite|image)|3\.[5-9]|[4-9])"
_OPEN_ON_BEDROCK: Final = r"^(?!.*(anthropic|openai\.gpt-[0-9]))"
"""Models on Bedrock but for Claude and GPT, for whose tiers its price page has no multiplier."""


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
    Multiplier("anthropic", _SINCE_CLAUDE_4_6, "region", "us", 1100),
    Multiplier("anthropic", r"claude-opus-4-[67]", "speed", "fast", 6000),
    Multiplier("anthropic", "", "service_tier", "batch", 500),
    Multiplier("openai", "", "service_tier", "batch", 500),
    Multiplier("azure", "", "service_tier", "batch", 500),
    Multiplier("openai", _ULTRAFAST, "service_tier", "ultrafast", 6000),
    Multiplier("openai", _SINCE_GPT_5_4, "region", REGIONAL, 1100),
    Multiplier("azure", "", "region", DATA_ZONE, 1100),
    Multiplier("azure", "", "region", REGIONAL, 1100),
    Multiplier("azure", "", "service_tier", "flex", 500),
    Multiplier("azure", r"gpt-4\.1(?!-nano)", "service_tier", "priority", 1750),
    Multiplier("azure", r"gpt-(5\.[1246]|6)", "service_tier", "priority", 2000),
    Multiplier("azure", r"gpt-5\.5", "service_tier", "priority", 2500),
    Multiplier("aws", _OPEN_ON_BEDROCK, "service_tier", "flex", 500),
    Multiplier("aws", _OPEN_ON_BEDROCK, "service_tier", "priority", 1750),
    Multiplier("aws", "", "speed", "optimized", 1250),
    Multiplier("google", r"gemini", "service_tier", "flex", 500),
    Multiplier("google", r"gemini", "service_tier", "priority", 1800),
    Multiplier("google", _SINCE_CLAUDE_4_5, "region", REGIONAL, 1100),
    Multiplier("google", _REGIONAL_GEMINI, "region", REGIONAL, 1100),
    Multiplier("groq", "", "service_tier", "flex", 1000),
)
"""Rows in no order: no two say something of the same service of a model. By whose pages:

- Anthropic: inference in the US costs 1.1 times the list from Claude 4.6 on
  (https://platform.claude.com/docs/en/manage-claude/data-residency); fast mode of Opus 4.6 and 4.7 is $30 and $150 for
  $5 and $25 (https://platform.claude.com/docs/en/build-with-claude/fast-mode), that of later models stands in the
  catalogue; a batch costs a half (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
- OpenAI: a batch costs a half (https://platform.openai.com/docs/guides/batch), on Azure too
  (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch);
  ultrafast is six times the list (https://developers.openai.com/api/docs/guides/ultrafast-mode), a regional
  endpoint 1.1 times for models from March 5, 2026 on (https://developers.openai.com/api/docs/guides/data-residency);
  flex and priority, which is called fast too (https://developers.openai.com/api/docs/guides/fast-mode), stand in the
  catalogue.
- Azure: deployments in a data zone or one region cost 1.1 times the global ones (https://prices.azure.com); flex is
  half the list (https://learn.microsoft.com/azure/foundry/openai/how-to/flex-processing), priority what
  the meters say (https://learn.microsoft.com/azure/foundry/openai/concepts/priority-processing, https://prices.azure.com).
- Bedrock: flex is half the list, priority three quarters more, optimized latency a quarter more
  (https://aws.amazon.com/bedrock/pricing); neither tier is offered for Claude
  (https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html).
- Google: flex is half the list, priority 1.8 times (https://ai.google.dev/gemini-api/docs/pricing), on Vertex too;
  endpoints there that are not global cost 1.1 times for Claude from 4.5 on and for newer Gemini
  (https://cloud.google.com/vertex-ai/generative-ai/pricing).
- Groq: flex costs what on-demand does (https://console.groq.com/docs/flex-processing).
"""
