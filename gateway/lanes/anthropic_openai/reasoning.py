"""What OpenAI's models take, as far as their names tell; `thinking` and effort become `reasoning_effort` by it.

Temperature and top-p follow from it. A request that names an effort or a temperature that its model does not have is
refused by OpenAI; Claude Code sends both with nearly every request. Sources:
https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking,
https://docs.anthropic.com/en/docs/build-with-claude/effort, https://platform.openai.com/docs/guides/reasoning and the
pages of the models.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.lanes.losses import Losses
from gateway.lanes.reading import mapping, number, one_of, whole_number

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


_BUDGETS: Final = ((8_192, "low"), (24_576, "medium"))
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_THINKING: Final = ("adaptive", "between_tools", "disabled", "enabled")
_UNNAMED_LEAST: Final = "How this model is kept from reasoning is not known."
_NO_REASONING: Final = "This model does not reason."
_TOOLS_OR_REASONING: Final = "Chat Completions does not let this model reason in a request that has tools."
_NO_SAMPLING: Final = "This model takes none while it reasons."


def reasoning_and_sampling(body: Mapping[str, Any], model: str, losses: Losses) -> dict[str, Any]:
    """The members `reasoning_effort`, `temperature` and `top_p`, as far as the model takes them."""
    family = family_of(model)
    effort = _effort(body, family, losses)
    members: dict[str, Any] = {} if effort is None else {"reasoning_effort": effort}
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is None:
            continue
        if family.samples(effort):
            members[name] = number(value, name)
        elif number(value, name) != 1:  # 1 is what such models sample with
            losses.drop(name, name, _NO_SAMPLING)
    return members


def _effort(body: Mapping[str, Any], family: Family, losses: Losses) -> str | None:
    kind, budget = _thinking(body, losses)
    asked = _asked_effort(body, losses)
    if kind == "disabled":
        if not family.least:
            losses.drop("thinking", "thinking", _UNNAMED_LEAST)
        return family.least if family.efforts and family.least else None
    if kind == "between_tools":
        losses.drop("thinking.type", "thinking.type", "Reasoning cannot be kept to the time between tools.")
    source = "output_config.effort" if asked else "thinking"
    effort = asked or budget
    if family.tools_or_reasoning and body.get("tools"):
        if effort is not None or kind is not None:
            losses.drop(source, source, _TOOLS_OR_REASONING)
        return "none"
    if effort is None:
        return None
    if not family.efforts:
        losses.drop(source, source, _NO_REASONING)
        return None
    return family.nearest(effort)


def _thinking(body: Mapping[str, Any], losses: Losses) -> tuple[str | None, str | None]:
    """The kind of thinking, and the effort that its budget stands for."""
    if body.get("thinking") is None:
        return None, None
    thinking = mapping(body["thinking"], "thinking")
    losses.judge(thinking, "thinking", "thinking")
    kind = one_of(_THINKING, thinking.get("type"), "thinking.type")
    if kind != "enabled":
        return kind, None
    budget = whole_number(thinking.get("budget_tokens"), "thinking.budget_tokens")
    return kind, next((effort for limit, effort in _BUDGETS if budget < limit), "high")


def _asked_effort(body: Mapping[str, Any], losses: Losses) -> str | None:
    if body.get("output_config") is None:
        return None
    config = mapping(body["output_config"], "output_config")
    losses.judge(config, "output_config", "output_config")
    effort = config.get("effort")
    return None if effort is None else one_of(_EFFORTS, effort, "output_config.effort")
