"""What the file does to the fields of requests on their way up: one grammar, wherever it stands."""

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.config.sections.access import Access, Order, widest
from gateway.config.sections.base import Section
from gateway.shapes.request_rules import EFFORTS, Action, RequestRules, Rule, declares, declaring_in, untouchable

_FIELD = r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*){0,4}$"
_MOST_DEEP = 8


def _may_be_ruled(field: str) -> str:
    name = field.partition(".")[0]
    if untouchable(name):
        msg = f"`{name}` decides who is asked for what, and no rule may touch it"
        raise ValueError(msg)
    return field


def _may_be_added(name: str) -> str:
    if declares(name):
        msg = f"`{name}` says which models, tools or stored things take part, and no rule may make another field that"
        raise ValueError(msg)
    return name


def _json(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it. A number with a fraction is written as the shortest text that is that number."""
    if value is None:
        raise ValueError("nothing cannot be set: leave the field out with `drop: true`")
    if depth > _MOST_DEEP:
        raise ValueError("a value is nested eight deep at most")
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number has to be finite")
    if isinstance(value, Mapping):
        return {str(name): _json(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner, depth + 1) for inner in value]
    return value


def _declares_nothing(value: Any) -> Any:
    found = declaring_in(value)
    if found is not None:
        msg = f"the value has {found}: what policy rules judge, no rule may add"
        raise ValueError(msg)
    return value


def _bound(value: Any) -> Any:
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if not is_number and value not in EFFORTS:
        msg = f"a number belongs here, or one of {', '.join(EFFORTS)}"
        raise ValueError(msg)
    return _json(value)


Value = Annotated[Any, BeforeValidator(_json), AfterValidator(_declares_nothing)]


class FieldRule(Section):
    """What is done to one field of a request. One thing; only a default may have a bound beside it."""

    example: ClassVar[str] = """
        providers:
          ollama:
            type: custom
            base_url: http://localhost:11434/v1
            request:
              max_completion_tokens: {rename: max_tokens}
              max_tokens: {default: 1024, max: 8000}
              reasoning_effort: {drop: true}
    """

    drop: Literal[True] | None = Field(None, description="Leaves the field out.")
    set_: Value = Field(
        None, alias="set", description="What the field is, whatever the client says, where the API has such a field."
    )
    default: Value = Field(
        None, description="What the field is where the client says nothing or `null`, where the API has such a field."
    )
    max_: Annotated[
        Any,
        BeforeValidator(_bound),
        Field(json_schema_extra={"anyOf": [{"type": "number"}, {"enum": list(EFFORTS)}]}),
    ] = Field(
        None,
        alias="max",
        description="The most that the field may be: a number, or one of none, minimal, low, medium, high, xhigh, max. "
        "What is above becomes this.",
    )
    rename: (
        Annotated[
            str,
            Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=128),
            AfterValidator(_may_be_added),
        ]
        | None
    ) = Field(
        None, description="What the field is called where the provider knows it by another name. Done before all else."
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> "FieldRule":
        said = [name for name, _ in self._said()]
        if len(said) != 1 and said != ["default", "max"]:
            msg = "a rule says one of drop, set, default, max and rename; a default may have a max beside it"
            raise ValueError(msg)
        if len(said) > 1 and not _is_within(self.default, self.max_):
            msg = f"the default {self.default} is above the max {self.max_}"
            raise ValueError(msg)
        return self

    def _said(self) -> Iterator[tuple[str, Any]]:
        for action, value in (
            ("drop", self.drop),
            ("set", self.set_),
            ("default", self.default),
            ("max", self.max_),
            ("rename", self.rename),
        ):
            if value is not None:
                yield action, value

    def rules(self, field: str) -> Iterator[Rule]:
        """The rules that it is for a field."""
        path = tuple(field.split("."))
        for action, value in self._said():
            yield Rule(path, Action(action), value)


def _is_within(default: Any, bound: Any) -> bool:
    if isinstance(bound, str):
        return default in EFFORTS and EFFORTS.index(default) <= EFFORTS.index(bound)
    return isinstance(default, int | float) and not isinstance(default, bool) and default <= bound


def _agree(section: dict[str, FieldRule]) -> dict[str, FieldRule]:
    """No rule undoes another: fields lie beside each other, and a name that a field gets is not renamed again."""
    renamed: dict[str, str] = {}
    for field, rule in section.items():
        above = field.rpartition(".")[0]
        parts = field.split(".")
        other = next((".".join(parts[:end]) for end in range(1, len(parts)) if ".".join(parts[:end]) in section), None)
        if other is not None:
            msg = f"there is a rule for {other!r} and one for {field!r} within it; write one"
            raise ValueError(msg)
        if (rule.set_ is not None or rule.default is not None) and declares(parts[0]):
            msg = f"{parts[0]!r} says which models, tools or stored things take part: it can be left out and no more"
            raise ValueError(msg)
        if rule.rename is not None:
            to = f"{above}.{rule.rename}" if above else rule.rename
            if to == field or to in renamed or (to in section and section[to].rename is not None):
                msg = f"{field!r} becomes {to!r}, which is renamed too, is another field's new name, or is its own"
                raise ValueError(msg)
            renamed[to] = field
    return section


FieldPath = Annotated[str, Field(pattern=_FIELD, max_length=256), AfterValidator(_may_be_ruled)]
RequestSection = Annotated[dict[FieldPath, FieldRule], Field(max_length=64), AfterValidator(_agree)]


def _of_rules(before: Any, after: Any) -> Access:
    """Whoever could say less of a field may say more."""
    had, has = before or {}, after or {}
    fields = ((had.get(field) or {}, has.get(field) or {}) for field in {*had, *has})
    return widest(
        _of_action(action, one.get(action), other.get(action)) for one, other in fields for action in {*one, *other}
    )


def _of_action(action: str, before: Any, after: Any) -> Access:
    if before == after or action == "default":  # a client can say it as well
        return Access.SAME
    if action == "rename":
        return Access.MAY_WIDEN
    if after is None:
        return Access.WIDENS
    if action == "drop":
        return Access.NARROWS
    if action == "set":
        return Access.MAY_WIDEN
    if before is None:
        return Access.NARROWS
    if isinstance(before, str) is not isinstance(after, str):
        return Access.MAY_WIDEN
    had, has = (EFFORTS.index(one) if isinstance(one, str) else Decimal(str(one)) for one in (before, after))
    return Access.WIDENS if has > had else Access.NARROWS


RULES_ON_FIELDS: Final = Order(_of_rules, is_of_whole=True)


_SAME_BOUND: Final = (
    ("max_tokens", "max_completion_tokens", "max_output_tokens", "generationConfig.maxOutputTokens"),
    ("reasoning_effort", "reasoning.effort", "output_config.effort", "generationConfig.thinkingConfig.thinkingLevel"),
    ("thinking.budget_tokens", "generationConfig.thinkingConfig.thinkingBudget"),
    ("n", "generationConfig.candidateCount"),
)
"""What the APIs that clients speak call the same thing."""


def rules_in_every_api(section: Mapping[str, FieldRule]) -> RequestRules | None:
    """The rules of whom clients choose the API for: a bound holds for what the others call the field, too.

    What has a bound of its own goes by that, and what is left out, set or renamed has none to lower. A default, of the
    field or of what it stands in, takes nothing from a bound.
    """
    further: list[Rule] = []
    for names in _SAME_BOUND:
        bound = next((section[name].max_ for name in names if name in section and section[name].max_ is not None), None)
        for name in names if bound is not None else ():
            if not any(_overlap(name, field) and not _is_default(rule) for field, rule in section.items()):
                further += FieldRule(max=bound).rules(name)
    return _carried_out(section, further)


def _is_default(rule: FieldRule) -> bool:
    return rule.default is not None and rule.max_ is None


def _overlap(one: str, other: str) -> bool:
    """Whether two fields are the same, or one stands in the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def rules_of(section: Mapping[str, FieldRule]) -> RequestRules | None:
    """The rules of a section, ready to be carried out; `None` where there are none."""
    return _carried_out(section, ())


def _carried_out(section: Mapping[str, FieldRule], further: Iterable[Rule]) -> RequestRules | None:
    if not section:
        return None
    return RequestRules([*(rule for field, one in section.items() for rule in one.rules(field)), *further])
