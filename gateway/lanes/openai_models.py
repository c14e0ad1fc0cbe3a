"""What OpenAI's models take, as far as their names tell: the effort that a request comes to, and sampling beside it.

A request that names an effort or a temperature that its model does not have is refused by OpenAI; Claude Code sends
both with nearly every request. Sources: https://platform.openai.com/docs/guides/reasoning, the pages of the models,
https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking and
https://docs.anthropic.com/en/docs/build-with-claude/effort.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from gateway.lanes.conversation import EFFORTS, Conversation, Given
from gateway.lanes.losses import Losses


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


_OF_RESPONSES: Final = re.compile(r"gpt-5(\.\d+)?-(pro|codex)|o[1-9]-pro|codex-")


def needs_responses(model: str) -> bool:
    """Whether a model of OpenAI's is best asked by Responses: it is only there, or reasons beside tools only there."""
    return family_of(model).tools_or_reasoning or _OF_RESPONSES.match(model.lower()) is not None


_LONGEST_USER: Final = 64


def end_user(conversation: Conversation, member: str) -> dict[str, str]:
    """The end user as this member, whose text OpenAI bounds; the SHA-256 of a longer one."""
    if conversation.end_user is None:
        return {}
    user = conversation.end_user.value
    if len(user) > _LONGEST_USER:
        user = hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
    return {member: user}


_UNNAMED_LEAST: Final = "How this model is kept from reasoning is not known."
_NO_REASONING: Final = "This model does not reason."
_TOOLS_OR_REASONING: Final = "Chat Completions does not let this model reason in a request that has tools."
_NO_SAMPLING: Final = "This model takes none while it reasons."


def effort_of(conversation: Conversation, family: Family, losses: Losses, *, tools_forbid: bool = False) -> str | None:
    """The effort to name, `None` for the model's own.

    A budget of thinking stands for an effort. `tools_forbid` says that the API does not let the model reason beside
    tools, which the request has.
    """
    source, mode = conversation.reasoning.as_effort(), conversation.reasoning.mode
    if source is not None and source.value == "none":
        if not family.least:
            losses.lose(source.path, _UNNAMED_LEAST)
        return family.least if family.efforts and family.least else None
    if mode is not None and mode.value == "between_tools":
        losses.lose(f"{mode.path}.type", "Reasoning cannot be kept to the time between tools.")
    if tools_forbid:
        said = source or mode
        if said is not None:
            losses.lose(said.path, _TOOLS_OR_REASONING)
        return "none"
    if source is None:
        return None
    if not family.efforts:
        losses.lose(source.path, _NO_REASONING)
        return None
    return family.nearest(source.value)


def sampling(
    given: Given[float] | None, family: Family, effort: str | None, usual: float, losses: Losses
) -> float | None:
    """A parameter of sampling, where the model takes it; `usual` is what it samples with anyway."""
    if given is None or family.samples(effort):
        return None if given is None else given.value
    if given.value != usual:
        losses.lose(given.path, _NO_SAMPLING)
    return None
