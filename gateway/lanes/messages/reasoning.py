"""What Claude models take, as far as their names tell; what a request says of reasoning becomes `thinking` and effort.

Temperature, top-p and top-k follow from it. A request that names what its model does not have is refused by Anthropic.
Sources: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking (a budget is at least 1,024 and below
`max_tokens`; no forced tool, no temperature beside it), https://docs.anthropic.com/en/docs/build-with-claude/effort and
the models' migration guides.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.lanes.conversation import Conversation, Given
from gateway.lanes.losses import Losses


class Reasoning(enum.Enum):
    """How a model is told to reason."""

    NONE = enum.auto()
    BUDGET = enum.auto()
    ADAPTIVE = enum.auto()


class Family(NamedTuple):
    """Models that take the same parameters.

    `default_limit` is the output limit of a request that names none. `has_xhigh` says that the effort `xhigh` is
    among those that the model knows, `thinks_unasked` that it thinks where a request does not mention thinking,
    `has_effort` that it knows effort beside a budget.
    """

    reasoning: Reasoning
    samples: bool
    default_limit: int
    has_xhigh: bool = True
    thinks_unasked: bool = False
    has_effort: bool = False


_LIMIT: Final = 8192
_FAMILIES: Final = (
    (re.compile(r"claude-(instant|2|3-(opus|sonnet|haiku)\b)"), Family(Reasoning.NONE, True, 4096)),
    (re.compile(r"claude-3[-.]5"), Family(Reasoning.NONE, True, _LIMIT)),
    (re.compile(r"claude-3[-.]7"), Family(Reasoning.BUDGET, True, _LIMIT)),
    (re.compile(r"claude-opus-4[-.]5(?!\d)"), Family(Reasoning.BUDGET, True, _LIMIT, has_effort=True)),
    (
        re.compile(r"claude-(opus|sonnet|haiku)-4([-.][0-5])?(?=$|[-@]\d{8}|-\D|[^-.\d])"),
        Family(Reasoning.BUDGET, True, _LIMIT),
    ),
    (re.compile(r"claude-(opus|sonnet|haiku)-4[-.]6(?!\d)"), Family(Reasoning.ADAPTIVE, True, _LIMIT, has_xhigh=False)),
    (
        re.compile(r"claude-((opus|sonnet|haiku)-[5-9]|fable|mythos)"),
        Family(Reasoning.ADAPTIVE, False, _LIMIT, thinks_unasked=True),
    ),
)
_LATER: Final = Family(Reasoning.ADAPTIVE, False, _LIMIT)


def family_of(model: str) -> Family:
    """The family of a model by its name, wherever in it `claude-` stands; later models are taken for the latest."""
    return next((family for pattern, family in _FAMILIES if pattern.search(model.lower())), _LATER)


_BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
    "max": 65536,
}
_LEAST_BUDGET: Final = 1024
_DISABLED: Final[Mapping[str, Any]] = {"type": "disabled"}
_EFFORTS: Final[Mapping[str, str]] = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "max": "max"}
_THREE: Final[Mapping[str, str]] = {"minimal": "low", "low": "low", "medium": "medium"}
_OWN_WORDS: Final = "The request says in Anthropic's own words how to think."
_NO_REASONING: Final = "This model does not reason."
_NO_XHIGH: Final = "This model does not know `xhigh`; `high` is sent."
_BEGUN: Final = "Claude does not think before it goes on with an answer that the request has begun."
_FORCED: Final = "Claude does not think before a tool that it is forced to call."
_NO_THOUGHT: Final = "The turn that called the tools came without the thinking that Claude wants back."
_NO_ROOM: Final = "Thinking takes at least 1,024 tokens of `max_tokens`."
_NO_SAMPLING: Final = "This model takes none, or none while it thinks."
_ONE_OF_BOTH: Final = "Claude takes `temperature` or `top_p`; `temperature` is sent."
_UP_TO_ONE: Final = "Anthropic goes up to 1, which is sent."


def reasoning_and_sampling(
    conversation: Conversation,
    family: Family,
    limit: int,
    tools: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    losses: Losses,
) -> dict[str, Any]:
    """The members `thinking`, `output_config` (the effort), `temperature`, `top_p` and `top_k`."""
    if conversation.reasoning.mode is None and conversation.reasoning.budget is None:
        members = _thinking(conversation, family, limit, tools, messages, losses)
    else:
        members = _own_words(conversation, family, tools, messages, losses)
    samples = family.samples and members.get("thinking", _DISABLED)["type"] == "disabled"
    return {**members, **_sampling(conversation, losses, samples=samples)}


def _sampling(conversation: Conversation, losses: Losses, *, samples: bool) -> dict[str, Any]:
    members: dict[str, Any] = {}
    heat, mass = conversation.temperature, conversation.top_p
    for name, given in (("temperature", heat), ("top_p", mass)):
        if given is None:
            continue
        if not samples:
            if given.value != 1:  # 1 is what it samples with
                losses.lose(given.path, _NO_SAMPLING)
        elif name == "top_p" and heat is not None:
            if given.value != 1:
                losses.lose(given.path, _ONE_OF_BOTH)
        else:
            if given.value > 1:
                losses.lose(given.path, _UP_TO_ONE)
            members[name] = min(given.value, 1)
    most = conversation.top_k
    if most is not None and samples:
        members["top_k"] = most.value
    elif most is not None:
        losses.lose(most.path, _NO_SAMPLING)
    return members


def _thinking(
    conversation: Conversation,
    family: Family,
    limit: int,
    tools: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    losses: Losses,
) -> dict[str, Any]:
    if conversation.reasoning.effort is None:
        return {}
    asked, path = conversation.reasoning.effort
    if asked == "none":
        # A model that thinks at any rate thinks least that way.
        return {"output_config": {"effort": "low"}} if family.thinks_unasked else {}
    # Half of a limit that the client did not choose stays for the answer itself.
    budget = min(_BUDGETS[asked], limit // 2 if conversation.output_limit is None else limit - 1)
    reason = _kept_from_thinking(family, tools, messages, adapts=family.reasoning is Reasoning.ADAPTIVE)
    if not reason and family.reasoning is Reasoning.ADAPTIVE:
        return _adaptive(conversation.reasoning.effort, family, losses)
    if not reason and budget >= _LEAST_BUDGET:
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    if not reason and family.has_effort:
        return {"output_config": {"effort": _THREE.get(asked, "high")}}
    losses.lose(path, reason or _NO_ROOM)
    return {}


def _kept_from_thinking(
    family: Family, tools: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], *, adapts: bool
) -> str:
    """Why the model cannot think before it answers this, empty where it can; `adapts` says that it may as well not."""
    if family.reasoning is Reasoning.NONE:
        return _NO_REASONING
    if tools.get("tool_choice", {}).get("type") in ("any", "tool"):
        return _FORCED
    if adapts:
        return ""
    if messages[-1]["role"] == "assistant":
        return _BEGUN
    return _NO_THOUGHT if _answers_a_call_without_thought(messages) else ""


def _own_words(
    conversation: Conversation,
    family: Family,
    tools: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    losses: Losses,
) -> dict[str, Any]:
    """Thinking as the request says it, where the model can think; a model that cannot think so refuses it itself."""
    asked, budget, shown = conversation.reasoning.effort, conversation.reasoning.budget, conversation.reasoning.shown
    kind, path = conversation.reasoning.mode or Given("enabled", "" if budget is None else budget.path)
    reason = "" if kind == "disabled" else _kept_from_thinking(family, tools, messages, adapts=kind != "enabled")
    if reason:
        losses.lose(path, reason)
        return {}
    thinking: dict[str, Any] = {"type": kind}
    if budget is not None:
        thinking["budget_tokens"] = budget.value
    if shown is not None:
        thinking["display"] = shown.value
    if asked is None or asked.value == "none" or family.reasoning is not Reasoning.ADAPTIVE:
        if asked is not None:
            losses.lose(asked.path, _OWN_WORDS)
        return {"thinking": thinking}
    return {**_adaptive(asked, family, losses), "thinking": thinking}


def _adaptive(asked: Given[str], family: Family, losses: Losses) -> dict[str, Any]:
    effort = asked.value
    if effort == "xhigh" and not family.has_xhigh:
        losses.lose(asked.path, _NO_XHIGH)
        effort = "high"
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": _EFFORTS.get(effort, effort)}}


def _answers_a_call_without_thought(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last turn returns what tools said, and the turn before has no thinking to go on from."""
    if len(messages) < 2 or messages[-1]["content"][0]["type"] != "tool_result":  # noqa: PLR2004 - question and answer
        return False
    return not any("thinking" in block["type"] for block in messages[-2]["content"])
