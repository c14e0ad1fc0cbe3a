"""What Gemini models take, as far as their names tell, and how they are told to think.

Sources: https://ai.google.dev/gemini-api/docs/thinking (budgets of Gemini 2.5, levels from Gemini 3 on),
https://ai.google.dev/gemini-api/docs/openai (what an effort stands for).
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gateway.lanes.conversation import Conversation, Given
from gateway.lanes.losses import Losses


class Family(NamedTuple):
    """Models that take the same: the levels of thinking that they have, the least first, or the budgets, in tokens.

    `rests` says that thinking can be switched off by a budget of none.
    """

    levels: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    rests: bool = False

    @property
    def is_third(self) -> bool:
        """Whether it is of the third generation or later.

        Those give ids to calls, demand signatures with them, see what results show, and have functions beside JSON.
        """
        return bool(self.levels)


_FAMILIES: Final = (
    (re.compile(r"gemini-(?:1|2(?!\.5)|robotics|embedding)|gemini-2\.5-.*image"), Family()),
    (re.compile(r"gemini-2\.5-pro"), Family(least=128, most=32_768)),
    (re.compile(r"gemini-2\.5-flash-lite"), Family(least=512, most=24_576, rests=True)),
    (re.compile(r"gemini-2\.5"), Family(least=1, most=24_576, rests=True)),
    (re.compile(r"gemini-3-pro"), Family(("low", "high"))),
    (re.compile(r"gemini-.*pro"), Family(("low", "medium", "high"))),
    (re.compile(r"gemini-"), Family(("minimal", "low", "medium", "high"))),
)
_BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 32_768,
}
_LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "none": ("minimal", "low"),
    "minimal": ("minimal", "low"),
    "low": ("low",),
    "medium": ("medium", "high"),
}
"""Efforts, and the levels that they stand for, the best first; all others stand for the highest."""

_HIDDEN: Final = "omitted"
_NO_THINKING: Final = "How this model is told to think is not documented, or it does not think."
_ALWAYS_THINKS: Final = "This model always thinks; it is told to do so least."


def family_of(model: str) -> Family:
    """The family of a model by its name; later models are taken for the latest, those of other makers do not think."""
    return next((family for pattern, family in _FAMILIES if pattern.search(model.lower())), Family())


def thinking_config(conversation: Conversation, family: Family, losses: Losses) -> dict[str, Any]:
    """The member `thinkingConfig`, empty where the request leaves thinking to the model."""
    reasoning = conversation.reasoning
    effort = reasoning.as_effort()
    asked = effort or reasoning.mode or reasoning.shown
    if asked is None:
        return {}
    rests = effort is not None and effort.value == "none"
    if not family.levels and not family.most:
        if not rests:
            losses.lose(asked.path, _NO_THINKING)
        return {}
    config: dict[str, Any] = {}
    if effort is not None:
        if rests and not family.rests:
            losses.lose(effort.path, _ALWAYS_THINKS)
        if family.levels:
            config["thinkingLevel"] = _level(effort.value, family)
        else:
            config["thinkingBudget"] = _budget(effort, conversation, family, losses)
    if not rests and (reasoning.shown is None or reasoning.shown.value != _HIDDEN):
        config["includeThoughts"] = True
    return {"thinkingConfig": config} if config else {}


def _level(effort: str, family: Family) -> str:
    wanted = _LEVELS.get(effort, ("high",))
    return next(level for level in wanted if level in family.levels)


def _budget(effort: Given[str], conversation: Conversation, family: Family, losses: Losses) -> int:
    if effort.value == "none":
        return 0 if family.rests else family.least
    stated, limit = conversation.reasoning.budget, conversation.output_limit
    if stated is not None:
        tokens = min(max(stated.value, family.least), family.most)
        if tokens != stated.value:
            losses.lose(
                stated.path,
                f"This model thinks within {family.least:,} to {family.most:,} tokens; the nearest is sent.",
            )
        return tokens
    tokens = _BUDGETS[effort.value]
    if limit is not None:
        # Google counts the thinking within the limit: half of it stays for the answer itself.
        tokens = min(tokens, limit.value // 2)
    return min(max(tokens, family.least), family.most)
