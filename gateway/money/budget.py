"""Which budgets a request counts against, and under which counter of each."""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote

from gateway.errors import GatewayError
from gateway.money.nano_usd import to_usd
from gateway.money.window import Window

END_USER_HEADER: Final = "X-LangWatch-End-User-Id"
"""The request header that names the person behind a request."""

MAX_END_USER_LENGTH: Final = 256
"""Characters of the longest id of an end user."""

ScopeKind = Literal["organization", "team", "project", "principal", "virtual_key", "tag"]
"""What a budget's scope names."""

Unit = Literal["usd", "tokens", "requests"]
"""What a budget counts: nano-USD, tokens, or requests that were answered."""

Each = Literal["virtual_key", "principal", "end_user"]
"""Who may have a counter of their own."""

LONGEST_NAME, _LONGEST_ROOT, _DIGEST_CHARACTERS = 255, 160, 32
_UNIT: Final = re.compile(r":unit=(tokens|requests):")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Who:
    """Whose budgets a request counts against, by name."""

    virtual_key: str
    organization: str | None = None
    teams: tuple[str, ...] = ()
    project: str | None = None
    principal: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """Whom a budget covers: everything under one name of a kind."""

    kind: ScopeKind
    value: str


@dataclass(frozen=True)
class Counted:
    """What the counters of a budget call it, what its scope names, its provider and model: ids, which outlive names."""

    name: str
    scope: str
    provider: str | None
    model: str | None = None


@dataclass(frozen=True)
class Raised:
    """What is on top of a budget's limit for a while.

    Args:
        name: Whose counter it is for, of those who each have one; `None`: for every counter.
        counted_as: What counters have in place of the name.
        add: How much, in the budget's unit.
        until: When it ends, in seconds since the epoch.
    """

    name: str | None
    counted_as: str | None
    add: int
    until: float


@dataclass(frozen=True, kw_only=True)
class CompiledBudget:
    """A limit on what is spent.

    Args:
        name: Its name in the configuration.
        scope: Whom it covers.
        each: Who under the scope has a counter of their own; `None`: one counter for all together.
        window: When the spend starts from zero.
        limit: What may be spent in one window, in the unit.
        unit: What is counted.
        blocks: Whether what would pass the limit is refused; otherwise it passes with a warning.
        provider: The only provider whose spend counts; `None`: that of all.
        model: The glob of models whose spend counts; `None`: that of all.
        endpoint: The only endpoint whose requests count; `None`: all.
        matches_model: What the glob says of a model's name.
        message: What clients are told beside a refusal.
        when_over: From which percentage on a request becomes one for which model, the highest first.
        raises: What is on top of the limit for a while.
        refuses_unpriced: Whether a model without a price is refused under it; only if it `blocks`.
        margin: Nano-USD of the limit that are kept back for requests that cost more than such requests do; `None`:
            every request holds the most that it can cost.
        counted_as: What its counters have in place of names; `None`: the names.
    """

    name: str
    scope: Scope
    each: Each | None = None
    window: Window
    limit: int
    unit: Unit = "usd"
    blocks: bool = True
    provider: str | None = None
    model: str | None = None
    endpoint: str | None = None
    matches_model: Callable[[str], bool] | None = field(default=None, compare=False)
    message: str | None = None
    when_over: tuple[tuple[int, str], ...] = ()
    raises: tuple[Raised, ...] = ()
    refuses_unpriced: bool = True
    margin: int | None = None
    counted_as: Counted | None = None

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError(f"the limit of the budget {self.name} is negative")
        if self.margin is not None and not 0 <= self.margin <= self.limit:
            raise ValueError(f"the margin of the budget {self.name} is no part of its limit")

    @property
    def ceiling(self) -> int:
        """From how much on requests are refused: the limit, without what is kept back."""
        return self.limit - (self.margin or 0)


def raised(raises: Iterable[Raised], counted_as: str | None, at: float) -> int:
    """What is on top of a limit at a moment, for the counter of somebody by what counters call them."""
    return sum(one.add for one in raises if at < one.until and one.counted_as in (None, counted_as))


def applies(budget: CompiledBudget, who: Who) -> bool:
    """Whether requests of somebody count against a budget, provided that the call does (`counts`)."""
    scope = budget.scope
    if scope.kind == "tag":
        return scope.value in who.tags
    if scope.kind == "team":
        return scope.value in who.teams
    return bool(getattr(who, scope.kind) == scope.value)


def counts(budget: CompiledBudget, provider: str, model: str, endpoint: str) -> bool:
    """Whether a call counts against a budget: by the names of the provider, of the model there, and of the endpoint."""
    if budget.endpoint is not None and budget.endpoint != endpoint:
        return False
    return counts_target(budget, provider, model)


def counts_target(budget: CompiledBudget, provider: str, model: str) -> bool:
    """The same of a call to an endpoint that counts."""
    if budget.provider is not None and budget.provider != provider:
        return False
    return matches_target(budget.matches_model, provider, model)


def matches_target(matches: Callable[[str], bool] | None, provider: str, model: str) -> bool:
    """Whether a glob, if there is one, matches a model, in either of its spellings."""
    return matches is None or matches(model) or matches(f"{provider}/{model}")


def refuses_unpriced(budget: CompiledBudget) -> bool:
    """Whether a model without a price is refused under a budget; one that only warns refuses nothing."""
    return budget.blocks and budget.refuses_unpriced and budget.unit == "usd"


def amount_shown(unit: Unit, amount: int) -> str:
    """An amount for people, to the last digit: `$12.5`, `1,000 tokens`, `1 request`."""
    if unit == "usd":
        return f"${to_usd(amount)}"
    return f"{amount:,} {unit.removesuffix('s') if amount == 1 else unit}"


def counter_key(budget: CompiledBudget, who: Who, end_user: str | None, window_id: str) -> str:
    """The name of the counter of a budget that applies, such as `budget:monthly:team=search:month=2026-11`.

    Two requests share a counter exactly if they share the budget (its name, unit, scope, filters and window) and,
    where everyone has their own, the person or key. Requests without a principal share one that nobody else has. What
    `who` has are ids, as in `budget.counted_as`. No name is longer than 255 bytes. Raises `end_user_required` where a
    budget per end user applies and the request names nobody.
    """
    shared = counter_root(budget, window_id)
    if budget.each is None:
        return shared
    if budget.each != "end_user":
        return bounded(f"{shared}:each_{budget.each}={quoted(getattr(who, budget.each) or '')}", LONGEST_NAME)
    if not end_user:
        raise GatewayError(
            "end_user_required",
            f"The budget {budget.name} gives every end user a limit of their own, and this request names none; "
            f"set the header {END_USER_HEADER}, or `user`, `safety_identifier` or `metadata.user_id` in the body.",
        )
    return bounded(f"{shared}:each_end_user={quoted(end_user)}", LONGEST_NAME)


def counter_root(budget: CompiledBudget, window_id: str) -> str:
    """What the names of all counters of a budget in a window begin with: the whole name of a budget without `each`.

    The names of a budget's counters with `each` go on with a colon.
    """
    known = budget.counted_as or Counted(budget.name, budget.scope.value, budget.provider, budget.model)
    # The unit stands where no long name cuts it off.
    unit = [] if budget.unit == "usd" else [f"unit={budget.unit}"]
    parts = ["budget", quoted(known.name), *unit, f"{budget.scope.kind}={quoted(known.scope)}"]
    for filter_, value in (("provider", known.provider), ("model", known.model), ("endpoint", budget.endpoint)):
        if value is not None:
            parts.append(f"{filter_}={quoted(value)}")
    return bounded(":".join((*parts, f"{budget.window.kind}={quoted(window_id)}")), _LONGEST_ROOT)


def unit_of_counter(name: str) -> Unit:
    """What a counter counts, by its name."""
    found = _UNIT.search(name)
    return "usd" if found is None else "tokens" if found[1] == "tokens" else "requests"


def end_user_of(header: bytes | None, stated: Iterable[str]) -> str | None:
    """The id of the person behind a request: the header's, in UTF-8, else the first that the body states.

    The first that is set decides. A header that is no id (too long, with control characters, in another encoding) is
    an error; the fields of the body belong to the provider, so that one which is no id names nobody, and a budget per
    end user then refuses the request.
    """
    if header is not None and header.strip():
        named = header.decode("utf-8", "surrogateescape").strip()
        if not _is_id(named):
            raise GatewayError(
                "bad_request",
                f"{END_USER_HEADER} is an id in UTF-8 of at most {MAX_END_USER_LENGTH} characters without control "
                "characters.",
                code="end_user_invalid",
            )
        return named
    for value in stated:
        if named := value.strip():
            return named if _is_id(named) else None
    return None


def _is_id(text: str) -> bool:
    return len(text) <= MAX_END_USER_LENGTH and _UNPRINTABLE.search(text) is None


def bounded(name: str, longest: int) -> str:
    """The name (ASCII), or, where it is too long, its beginning and a digest of all of it."""
    if len(name) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{name[: longest - _DIGEST_CHARACTERS - 1]}~{digest}"


def quoted(text: str) -> str:
    """A text without `:`, `=`, braces and `%`, different for different texts."""
    return quote(text, safe="+@,")
