"""Rules of the file on the fields of a request: what is left out, set, bounded or called by another name on its way up.

A rule is about one top-level member, or about a member of an object below one (`thinking.budget_tokens`). What a rule
does is a splice: every other byte stays as it was, and a body that no rule touches stays the client's own.

What decides who is asked for what is no rule's to change (`UNTOUCHABLE`), and no rule adds what policy rules judge: a
tool, a server, a model or a URL, nor an id of what a provider keeps, which belongs to the key that made it. So what is
judged is no less than what goes up.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from gateway.errors import GatewayError
from gateway.shapes.declares import NAMES_OF_MODELS, NAMES_OF_TOOLS
from gateway.shapes.endpoints import CONVERSE, ENDPOINTS, Endpoint
from gateway.shapes.members import may_have
from gateway.shapes.state import NAMES_OF_KEPT
from gateway.shapes.stated import number_of
from gateway.wire.json_parts import Object, object_at
from gateway.wire.json_splice import Splice, apply
from gateway.wire.multipart import MultipartBody
from gateway.wire.request_body import RequestBody
from gateway.wire.url_candidates import may_have_scheme

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""How hard a model is to think, in every API's words, the least first."""

_UNTOUCHABLE: Final = frozenset(
    (
        *("model", "models", "modelid", "fallbacks", "fallbackmodels"),
        *("tools", "toolconfig", "functions", "mcpservers", "additionalmodelrequestfields"),
        *("input", "messages", "contents", "content", "prompt", "requests"),
        *("stream", "streamoptions"),
    )
)
"""As `_plain` has them; `toolConfig`, `contents`, `content` and `requests` are the names on Google's and AWS's APIs."""

_SHAPES: Final = (*(endpoint.shape for endpoint in ENDPOINTS.values()), CONVERSE.shape)
_DECLARING: Final = NAMES_OF_KEPT.union(
    place.steps[0] for shape in _SHAPES for place in shape.declares.places if place.steps[0] != "system"
)
_DECLARING_INSIDE: Final = NAMES_OF_KEPT.union(NAMES_OF_TOOLS, NAMES_OF_MODELS)
_MOST: Final = Decimal(10) ** 15


def untouchable(name: str) -> bool:
    """Whether a top-level member, in whatever spelling a server may read it, is no rule's to touch."""
    return _plain(name) in _UNTOUCHABLE


def declares(name: str) -> bool:
    """Whether a top-level member may say which models, tools or stored things take part: no rule may add it."""
    return untouchable(name) or any(_plain(name) == _plain(one) for one in _DECLARING)


def declaring_in(value: Any) -> str | None:
    """What in a value that a rule adds would have to be judged: a member's name, or `a URL`; `None` where nothing."""
    if isinstance(value, str):
        return "a URL" if may_have_scheme(value.encode("utf-8", "surrogatepass")) else None
    inner: Iterable[Any] = ()
    if isinstance(value, Mapping):
        named = next((name for name in value if name.casefold() in _DECLARING_INSIDE), None)
        if named is not None:
            return f"`{named}`"
        inner = (*value, *value.values())
    elif isinstance(value, Sequence):
        inner = value
    return next((found for one in inner if (found := declaring_in(one)) is not None), None)


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


class Action(enum.Enum):
    """What a rule does, in the order in which rules are carried out."""

    RENAME = "rename"
    DROP = "drop"
    SET = "set"
    DEFAULT = "default"
    MAX = "max"


@dataclass(frozen=True)
class Rule:
    """One thing that is done to one field.

    Args:
        path: The names on the way to it, from the top of the body.
        action: What is done.
        value: What is set, the bound (a number, or a word of `EFFORTS`), or the other name.
    """

    path: tuple[str, ...]
    action: Action
    value: Any = None

    @property
    def told(self) -> str:
        """How the client is told of it: the field alone where it was left out, else with what was done."""
        field = ".".join(self.path)
        return field if self.action is Action.DROP else f"{field}:{self.action.value}"


class Edited(NamedTuple):
    """A body that rules have changed, and what was done, in their own words; `left_out` are the fields dropped."""

    data: bytes
    told: tuple[str, ...]
    left_out: tuple[str, ...]


class RequestRules:
    """Rules that are carried out together, each on what those before it have made of the body."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Iterable[Rule]) -> None:
        order = list(Action)
        self._rules: Final = tuple(sorted(rules, key=lambda rule: order.index(rule.action)))

    def edited(self, endpoint: Endpoint, body: RequestBody) -> Edited | None:
        """The body as it goes up; `None` where no rule changes it.

        Raises `bad_request` for a field that stands twice, in whatever case, and for a value of which nobody can tell
        whether it is above a bound.
        """
        names, data = body.names, body.data
        done: list[Rule] = []
        for rule in self._rules:
            adds, field = _adds(rule, endpoint), rule.path[0]
            if body.has_doubtful_names or not field.islower():
                _refuse_ambiguous(body, rule)
            if not adds and field not in names:
                continue
            splices = _splices(data, rule, adds=adds)
            if splices:
                data = apply(data, splices)
                done.append(rule)
                if rule.action is not Action.DROP:
                    names = (*names, rule.value if rule.action is Action.RENAME else field)
        if not done:
            return None
        left_out = tuple(rule.told for rule in done if rule.action is Action.DROP)
        return Edited(data, tuple(rule.told for rule in done), left_out)

    def check_form(self, form: MultipartBody) -> None:
        """Raises `bad_request` for a field that a rule would change: forms go up as they are."""
        for name, part in form.parts():
            for rule in self._rules:
                if _plain(name) != _plain(rule.path[0]):
                    continue
                value = form.data[part.start : part.end]
                if (part.name,) != rule.path or part.is_file or not _is_as_ruled(value, rule):
                    raise GatewayError(
                        "bad_request",
                        f"The key has the rule {rule.told!r}, and a form goes up as it is: keep within the rule, or "
                        "leave the field out.",
                        param=part.name[:64],
                    )


def _is_as_ruled(value: bytes, rule: Rule) -> bool:
    """Whether a field of a form is what a rule would have made of it."""
    if rule.action is Action.DEFAULT:
        return True
    if rule.action is Action.SET:
        return value in (msgspec.json.encode(rule.value), str(rule.value).encode())
    if rule.action is not Action.MAX:
        return False
    raw = msgspec.json.encode(value.decode("utf-8", "replace")) if isinstance(rule.value, str) else value
    try:
        return not _bounded(raw, 0, rule)
    except GatewayError:
        return False


def _adds(rule: Rule, endpoint: Endpoint) -> bool:
    """Whether a rule puts its field into requests that have none."""
    return rule.action in (Action.SET, Action.DEFAULT) and may_have(endpoint.name, rule.path[0])


def _refuse_ambiguous(body: RequestBody, rule: Rule) -> None:
    names = [rule.path[0]]
    if rule.action is Action.RENAME and len(rule.path) == 1:
        names.append(rule.value)
    for name in names:
        if body.is_ambiguous(name) or _is_spelt_otherwise(name, body.names):
            raise _ambiguous(name)


def _is_spelt_otherwise(name: str, names: Iterable[str]) -> bool:
    """Whether a name stands there in another spelling: Google reads `generation_config` as `generationConfig`."""
    plain = _plain(name)
    return any(key != name and not (key.islower() and name.islower()) and _plain(key) == plain for key in names)


def _ambiguous(name: str) -> GatewayError:
    return GatewayError(
        "bad_request",
        f"A rule is about {name!r}, which the body has twice or spelt otherwise; write it once, as it is here.",
        param=name,
    )


def _splices(data: bytes, rule: Rule, *, adds: bool) -> list[Splice]:
    """What one rule changes in a body."""
    for depth in range(1, len(rule.path) - 1):
        if (above := object_at(data, rule.path[:depth])) is not None:
            _refuse_unclear(above, rule.path[: depth + 1])
    found = object_at(data, rule.path[:-1])
    if found is None:
        return _added_below(data, rule) if adds else []
    _check_inside(found, rule)
    name, action = rule.path[-1], rule.action
    span = found.members.get(name)
    if action is Action.RENAME:
        if span is None:
            return []
        return [found.without(data, name)] if rule.value in found.members else [found.renamed(data, name, rule.value)]
    if action is Action.DROP:
        return [] if span is None else [found.without(data, name)]
    if action is Action.MAX:
        return [] if span is None else _bounded(data[span[0] : span[1]], span[0], rule)
    written = msgspec.json.encode(rule.value)
    if span is None:
        return [found.with_member(name, written)] if adds or len(rule.path) > 1 else []
    raw = data[span[0] : span[1]]
    if raw == written or (action is Action.DEFAULT and raw != b"null"):
        return []
    return [Splice(*span, written)]


def _added_below(data: bytes, rule: Rule) -> list[Splice]:
    """Adds a member below objects that are not there; what stands in their place and is none is the provider's."""
    for depth in range(len(rule.path) - 1):
        found = object_at(data, rule.path[:depth])
        if found is None:
            return []
        name = rule.path[depth]
        span = found.members.get(name)
        if span is not None and data[span[0] : span[1]] != b"null":
            continue
        value: Any = rule.value
        for inner in reversed(rule.path[depth + 1 :]):
            value = {inner: value}
        written = msgspec.json.encode(value)
        return [found.with_member(name, written) if span is None else Splice(*span, written)]
    return []


def _check_inside(found: Object, rule: Rule) -> None:
    """A member of an inner object may not stand twice either; at the top that was looked at before."""
    _refuse_unclear(found, rule.path)
    if rule.action is Action.RENAME:
        _refuse_unclear(found, (*rule.path[:-1], rule.value))


def _refuse_unclear(found: Object, path: tuple[str, ...]) -> None:
    if path[-1] in found.repeated or (len(path) > 1 and _is_spelt_otherwise(path[-1], found.members)):
        raise _ambiguous(".".join(path))


def _bounded(raw: bytes, start: int, rule: Rule) -> list[Splice]:
    if raw == b"null":
        return []
    bound = rule.value
    written = msgspec.json.encode(bound)
    lowered = [Splice(start, start + len(raw), written)]
    path = ".".join(rule.path)
    if isinstance(bound, str):
        if not raw.startswith(b'"'):
            raise GatewayError("bad_request", f"{path!r} is bounded to {bound!r}, and is no text.", param=path)
        # Google writes `HIGH`.
        word = msgspec.json.decode(raw).lower()
        # A word that nobody knows may stand for more than the bound.
        is_within = word in EFFORTS and EFFORTS.index(word) <= EFFORTS.index(bound)
        return [] if is_within else lowered
    number = number_of(raw)
    if number is None or not -_MOST <= number <= _MOST:
        raise GatewayError(
            "bad_request", f"{path!r} is bounded to {bound}, and its value is not a plain number.", param=path
        )
    return lowered if number > Decimal(str(bound)) else []
