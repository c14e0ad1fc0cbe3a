"""Reading what an answer states by a table: where each billed figure stands, and which kind it is.

A figure is a whole number that is not negative. Where one is stated twice under two spellings, the larger counts. What
is stated and cannot be read is never taken for nothing: it is named, and the other figures count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

from gateway.usage import FURTHER_KINDS, UNREADABLE_SERVICE, Iteration, Served, Stated, Usage

ABSENT: Final = msgspec.Raw()
"""What stands for a member that is not there."""

_ABSURD: Final = 10**12


@dataclass(frozen=True)
class Figure:
    """One row: `path` leads from `usage` to a figure of a `kind`, a field of `Usage` or a name of `FURTHER_KINDS`.

    `times` is how many of the kind one stated unit is; then fractions are read too. `said_by` names whose spelling it
    is, where it is none of the API's own reference.
    """

    path: str
    kind: str
    times: int = 1
    said_by: str | None = None


@dataclass(frozen=True)
class Unbilled:
    """A figure that the reference has, and that nobody is billed for on its own."""

    path: str
    reason: str


Node: TypeAlias = "str | tuple[str, int] | Mapping[str, Node]"
"""A kind; a kind and how many of it a unit is; or the object below."""

Table: TypeAlias = Mapping[str, Node]
"""The rows by their members, as deep as they stand."""

Unread: TypeAlias = list[tuple[str, str]]
"""Kinds and JSON paths of figures that could not be read."""


def table_of(rows: Iterable[Figure]) -> Table:
    """The rows as they are looked up."""
    table: dict[str, Any] = {}
    for row in rows:
        *members, last = row.path.split(".")
        below = table
        for member in members:
            below = below.setdefault(member, {})
        below[last] = row.kind if row.times == 1 else (row.kind, row.times)
    return table


def read_figures(stated: Mapping[str, Any], table: Table, figures: dict[str, int], unread: Unread, at: str) -> None:
    """Puts the figures of an object of usage into `figures`, and those that cannot be read into `unread`."""
    for name, value in stated.items():
        if not value:
            # PERF: most details are zero. That there was any report at all, the two wholes say.
            if name in _WHOLES and type(value) is int:
                figures.setdefault(_WHOLES[name], 0)
            continue
        node = table.get(name)
        if node is None:
            continue
        if isinstance(node, str):
            if type(value) is int and 0 < value < _ABSURD:
                if value > figures.get(node, 0):
                    figures[node] = value
            else:
                _read_odd(node, value, 1, figures, unread, f"{at}.{name}")
        elif isinstance(node, tuple):
            _read_odd(node[0], value, node[1], figures, unread, f"{at}.{name}")
        elif isinstance(value, dict):
            read_figures(value, node, figures, unread, f"{at}.{name}")
        else:
            unread.extend((kind, f"{at}.{name}") for kind in _kinds(node))


def usage_of(figures: dict[str, int]) -> Usage:
    """Figures by kind as usage, without what is not there."""
    if len(figures) == _PLAIN and "output_tokens" in figures and "input_tokens" in figures:
        # PERF: most answers state nothing else.
        return Usage(input_tokens=figures["input_tokens"], output_tokens=figures["output_tokens"])
    further: dict[str, int] = {}
    plain: dict[str, Any] = {}
    for kind, count in figures.items():
        if kind not in FURTHER_KINDS:
            plain[kind] = count
        elif count:
            further[kind] = count
    return Usage(**plain, further=further) if further else Usage(**plain)


LONGEST_NAME: Final = 512
"""Characters that a model or a kind of step is named in. What is longer names none: what is found by it is kept."""


def stated_as(
    usage: Usage,
    unread: Unread,
    *,
    model: Any = None,
    service_tier: Any = None,
    speed: Any = None,
    region: Any = None,
    iterations: tuple[Iteration, ...] = (),
    longest_prompt: int | None = None,
) -> Stated:
    """An answer's own account; a service that is said in no words is one that nobody knows the price of."""
    served = served_as(model, service_tier, speed, region, iterations, longest_prompt)
    if not unread:
        return Stated(usage=usage, served=served)
    paths = tuple(path for _, path in unread)
    served = msgspec.structs.replace(served or Served(), unreadable=paths)
    return Stated(usage=usage, served=served, unread=tuple(kind for kind, _ in unread))


def served_as(
    model: Any,
    service_tier: Any = None,
    speed: Any = None,
    region: Any = None,
    iterations: tuple[Iteration, ...] = (),
    longest_prompt: int | None = None,
) -> Served | None:
    """How an answer was served, `None` where nothing is said of it."""
    model = name_said(model)
    if service_tier is None and speed is None and region is None and not iterations and longest_prompt is None:
        return None if model is None else Served(model=model)
    served = Served(
        model=model,
        service_tier=_word(service_tier),
        speed=_word(speed),
        region=_word(region),
        iterations=iterations,
        longest_prompt=longest_prompt,
    )
    return None if served == _NOT_SAID else served


def together(one: Stated, other: Stated) -> Stated:
    """What two answers to one request state, as the account of one."""
    figures = {name: getattr(one.usage, name) + getattr(other.usage, name) for name in _COUNTED}
    further = dict(one.usage.further or {})
    for kind, count in (other.usage.further or {}).items():
        further[kind] = further.get(kind, 0) + count
    served, its = one.served or _NOT_SAID, other.served or _NOT_SAID
    prompts = (served.longest_prompt or one.usage.input_tokens, its.longest_prompt or other.usage.input_tokens)
    return Stated(
        usage=Usage(**figures, further=further or msgspec.UNSET),
        served=Served(
            model=served.model or its.model,
            service_tier=served.service_tier or its.service_tier,
            speed=served.speed or its.speed,
            region=served.region or its.region,
            iterations=served.iterations + its.iterations,
            unreadable=served.unreadable + its.unreadable,
            longest_prompt=max(prompts),
            stated_cost=None
            if served.stated_cost is None or its.stated_cost is None
            else served.stated_cost + its.stated_cost,
        ),
        unread=one.unread + other.unread,
    )


def name_said(value: Any) -> str | None:
    """A text that may name something, `None` for anything else."""
    return value if type(value) is str and 0 < len(value) <= LONGEST_NAME else None


def whole(value: Any) -> int | None:
    """A number of something, `None` for what is none; some servers write `3.0` for 3."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _ABSURD else None


_NOT_SAID: Final = Served()
_COUNTED: Final = tuple(name for name in Usage.__struct_fields__ if name != "further")
_PLAIN: Final = 2
_WHOLES: Final[Mapping[str, str]] = {
    "prompt_tokens": "input_tokens",
    "input_tokens": "input_tokens",
    "inputTokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "output_tokens": "output_tokens",
    "outputTokens": "output_tokens",
    "promptTokenCount": "input_tokens",
    "candidatesTokenCount": "output_tokens",
}
_ORDINARY: Final = frozenset(
    ("default", "standard", "standard_only", "auto", "on_demand", "global", "not_available", "unspecified", "")
)
"""What providers call the service that costs the listed price."""


def _word(value: Any) -> str | None:
    if type(value) is not str:
        return None if value is None else UNREADABLE_SERVICE
    word = value.lower()
    return None if word in _ORDINARY else word


def _read_odd(kind: str, value: Any, times: int, figures: dict[str, int], unread: Unread, at: str) -> None:
    count = whole(value)
    if count is not None:
        count *= times
    elif times != 1 and type(value) is float and 0 <= value < _ABSURD:
        count = -int(-value * times // 1)
    if count is None:
        unread.append((kind, at))
    elif count > figures.get(kind, -1):
        figures[kind] = count


def _kinds(table: Table) -> Sequence[str]:
    kinds: list[str] = []
    for node in table.values():
        if isinstance(node, str):
            kinds.append(node)
        elif isinstance(node, tuple):
            kinds.append(node[0])
        else:
            kinds.extend(_kinds(node))
    return kinds
