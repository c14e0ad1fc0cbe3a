"""`thinking` and `output_config.effort` become `reasoning_effort`; temperature and top-p follow from it.

Sources: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking,
https://docs.anthropic.com/en/docs/build-with-claude/effort, https://platform.openai.com/docs/guides/reasoning.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.anthropic_openai.model_families import Family, family_of
from gateway.lanes.losses import Losses
from gateway.lanes.reading import mapping, number, text, whole_number, wrong

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
    kind = text(thinking.get("type"), "thinking.type")
    if kind not in _THINKING:
        raise wrong("thinking.type", f"one of {', '.join(_THINKING)}")
    if kind != "enabled":
        return kind, None
    budget = whole_number(thinking.get("budget_tokens"), "thinking.budget_tokens")
    return kind, next((effort for limit, effort in _BUDGETS if budget < limit), "high")


def _asked_effort(body: Mapping[str, Any], losses: Losses) -> str | None:
    if body.get("output_config") is None:
        return None
    config = mapping(body["output_config"], "output_config")
    losses.judge(config, "output_config", "output_config")
    if config.get("effort") is None:
        return None
    effort = text(config["effort"], "output_config.effort")
    if effort not in _EFFORTS:
        raise wrong("output_config.effort", f"one of {', '.join(_EFFORTS)}")
    return effort
