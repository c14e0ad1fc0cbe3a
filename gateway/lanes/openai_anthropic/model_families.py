"""What Claude models take, as far as their names tell: how they reason, and whether they are sampled.

Sources: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking,
https://docs.anthropic.com/en/docs/build-with-claude/effort and the models' migration guides. A request that names what
its model does not have is refused by Anthropic.
"""

import enum
import re
from typing import Final, NamedTuple


class Reasoning(enum.Enum):
    """How a model is told to reason."""

    NONE = enum.auto()
    BUDGET = enum.auto()
    ADAPTIVE = enum.auto()


class Family(NamedTuple):
    """Models that take the same parameters.

    `default_limit` is the output limit of a request that names none. `has_xhigh` says that the effort `xhigh` is
    among those that the model knows, `thinks_unasked` that it thinks where a request does not mention thinking.
    """

    reasoning: Reasoning
    samples: bool
    default_limit: int
    has_xhigh: bool = True
    thinks_unasked: bool = False


_LIMIT: Final = 8192
_FAMILIES: Final = (
    (re.compile(r"claude-(instant|2|3-(opus|sonnet|haiku)\b)"), Family(Reasoning.NONE, True, 4096)),
    (re.compile(r"claude-3[-.]5"), Family(Reasoning.NONE, True, _LIMIT)),
    (re.compile(r"claude-3[-.]7"), Family(Reasoning.BUDGET, True, _LIMIT)),
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
