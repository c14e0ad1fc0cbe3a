"""What OpenAI's models take, as far as their names tell: reasoning efforts, and sampling beside reasoning.

Source: https://platform.openai.com/docs/guides/reasoning and the pages of the models. A request that names an effort
or a temperature that its model does not have is refused by OpenAI; Claude Code sends both with nearly every request.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every effort that OpenAI knows, the least first."""


class Family(NamedTuple):
    """Models that take the same parameters.

    `efforts` is empty for models that do not reason. `default` is the effort of a request that names none.
    `least` is what comes closest to no reasoning, "" where that cannot be told. Models with `samples_anyway` take a
    temperature whatever their effort is, others only without reasoning. Models with `tools_or_reasoning` take functions
    at Chat Completions only with the effort `none`, which has to be named.
    """

    efforts: Sequence[str]
    default: str
    least: str
    samples_anyway: bool = False
    tools_or_reasoning: bool = False

    def nearest(self, effort: str) -> str:
        """The effort itself, or else the next lower one, or else the lowest; "" for models that do not reason."""
        rank = EFFORTS.index(effort)
        within = [known for known in self.efforts if EFFORTS.index(known) <= rank]
        return within[-1] if within else next(iter(self.efforts), "")

    def samples(self, effort: str | None) -> bool:
        """Whether a request with this effort (or with none named) may name a temperature."""
        return self.samples_anyway or (effort or self.default) == "none"


_LOW_TO_HIGH: Final = ("low", "medium", "high")
_UNKNOWN: Final = Family(_LOW_TO_HIGH, "", "", samples_anyway=True)
_FAMILIES: Final = (
    (re.compile(r"gpt-[34]|chatgpt-|gpt-5(\.\d+)?-chat"), Family((), "none", "none")),
    (re.compile(r"o[1-9]\b"), Family(_LOW_TO_HIGH, "medium", "low")),
    (re.compile(r"gpt-5(-mini|-nano)?(-\d{4}-.*)?$"), Family(("minimal", *_LOW_TO_HIGH), "medium", "minimal")),
    (re.compile(r"gpt-5(\.\d+)?-(pro|codex)"), Family(_LOW_TO_HIGH, "high", "low")),
    (re.compile(r"gpt-5\.1\b"), Family(("none", *_LOW_TO_HIGH), "none", "none")),
    (re.compile(r"gpt-5\.[23]\b"), Family(("none", *_LOW_TO_HIGH, "xhigh"), "none", "none")),
    (re.compile(r"gpt-5\.4\b"), Family(("none", *_LOW_TO_HIGH, "xhigh"), "none", "none", tools_or_reasoning=True)),
    (re.compile(r"gpt-5\.5\b"), Family(("none", *_LOW_TO_HIGH, "xhigh"), "medium", "none", tools_or_reasoning=True)),
    (
        re.compile(r"gpt-(5\.|[6-9])"),
        Family(("none", *_LOW_TO_HIGH, "xhigh", "max"), "medium", "none", tools_or_reasoning=True),
    ),
)


def family_of(model: str) -> Family:
    """The family of a model by its name.

    A name that leads with a vendor (`openai/gpt-5`) is a router's or a model server's, which have rules of their own.
    """
    return next((family for pattern, family in _FAMILIES if pattern.match(model.lower())), _UNKNOWN)
