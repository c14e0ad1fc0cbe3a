"""What no schema can say of budgets: whom they name, whether anybody is under them, amounts, zones and anchors."""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.key_teams import teams_of_key
from gateway.config.model import Config
from gateway.config.packed_keys import key_owners
from gateway.config.referring import SECTION_OF
from gateway.config.sections.budgets import Budget
from gateway.config.source import Path

MOST_USD: Final = 9_000_000_000
"""US dollars that a limit or a price may have: what a database keeps as an integer of nano-USD."""

_FIRST_YEAR, _LAST_YEAR = 1970, 9000

_Covered = dict[str, set[str]]


def budget_checks(config: Config, facts: Facts) -> Iterator[Checked]:
    """Every finding on the budgets."""
    if not config.budgets:
        return
    covered = _covered(config)
    for name, budget in config.budgets.items():
        at: Path = ("budgets", name)
        kind, value = budget.scope.named
        if kind == "organization" and value != config.organization:
            message = f"the organization of this file is {config.organization!r}, not {value!r}"
            place: Path = (*at, "scope", "organization")
            yield Checked(Finding("unknown-reference", message, place, section="organization"))
        declared = facts.key_names if kind == "virtual_key" else getattr(config, SECTION_OF.get(kind, ""), (value,))
        yield from _reach(budget, covered, at, is_declared=value in declared)
        yield from _amount_and_time(budget, at)
        yield from _margin(budget, at)
        yield from _raises(budget, at, facts)
        yield from _downgrades(budget, at, config)


def _downgrades(budget: Budget, at: Path, config: Config) -> Iterator[Checked]:
    """A request that a full budget refuses cannot become another, and what it becomes has to be known."""
    for percent, model in budget.when_over.items():
        place: Path = (*at, "when_over", percent)
        if percent == "100" and budget.on_breach == "block":
            message = "at 100 percent the budget refuses"
            yield Checked(Finding("invalid-value", message, place, "Write less, or `on_breach: warn`."))
        provider, slash, _ = model.partition("/")
        is_of_provider = slash and provider in config.providers
        is_listed = any(model in (provider.models or ()) for provider in config.providers.values())
        if not (model in config.models or model in config.model_aliases or is_of_provider or is_listed):
            message = f"nothing is said of the model {model!r}"
            hint = "Write an alias, one of `models`, or `provider/model`."
            yield Checked(Finding("unknown-reference", message, place, hint))


def _raises(budget: Budget, at: Path, facts: Facts) -> Iterator[Checked]:
    """A raise is of what the budget counts, and for one of those who each have a limit."""
    for index, one in enumerate(budget.raises):
        place: Path = (*at, "raises", index)
        if getattr(one, f"add_{budget.unit}") is None:
            message = f"the budget counts {budget.unit}, and the raise something else"
            yield Checked(Finding("invalid-value", message, place, f"Write `add_{budget.unit}`."))
        if one.whose is not None and one.whose[0] != budget.each:
            has = "one limit for all together" if budget.each is None else f"limits for each {budget.each}"
            message = f"the raise is for one {one.whose[0]}, and the budget has {has}"
            yield Checked(Finding("invalid-value", message, (*place, one.whose[0])))
        if one.until <= facts.now:
            yield Checked(
                Finding("raise-over", "the raise is over", (*place, "until"), "Take it out."), Severity.WARNING
            )


def _reach(budget: Budget, covered: _Covered, at: Path, *, is_declared: bool) -> Iterator[Checked]:
    """Warnings of budgets that nothing can ever count against, or that say the same twice."""
    kind, value = budget.scope.named
    if is_declared and kind in covered and value not in covered[kind]:
        words = f"carries the tag {value!r}" if kind == "tag" else f"is of the {kind} {value!r}"
        yield Checked(Finding("unused-budget", f"no virtual key {words}", (*at, "scope", kind)), Severity.WARNING)
    if budget.each == kind:
        message = f"the scope is one {kind} already; `each` gives nobody else a limit"
        yield Checked(Finding("unused-budget", message, (*at, "each")), Severity.WARNING)


def _amount_and_time(budget: Budget, at: Path) -> Iterator[Checked]:
    if budget.limit_usd is not None and budget.limit_usd > MOST_USD:
        yield Checked(Finding("invalid-value", f"a limit is at most {MOST_USD:,} US dollars", (*at, "limit_usd")))
    anchor = budget.cycle_anchor_at
    if anchor is not None and not _FIRST_YEAR < anchor.year < _LAST_YEAR:
        message = f"the year of an anchor lies between {_FIRST_YEAR} and {_LAST_YEAR}"
        yield Checked(Finding("invalid-value", message, (*at, "cycle_anchor_at")))
    if not _is_time_zone(budget.timezone):
        hint = "Write an IANA name such as Europe/Amsterdam."
        message = f"there is no time zone {budget.timezone!r}"
        yield Checked(Finding("unknown-time-zone", message, (*at, "timezone"), hint))


def _margin(budget: Budget, at: Path) -> Iterator[Checked]:
    """What a budget keeps back has to be a part of its limit, and is of use only where something is learned."""
    margin, learns = budget.reserve_margin_usd, budget.reserve == "learned"
    if learns and budget.limit_usd is None:
        message = f"`learned` holds money, and the budget counts {budget.unit}"
        yield Checked(Finding("invalid-value", message, (*at, "reserve"), "Leave it out."))
    elif learns and budget.on_breach == "warn":
        message = "a budget that only warns refuses nothing, so it has no use for `learned`"
        yield Checked(Finding("invalid-value", message, (*at, "reserve"), "Write `on_breach: block`, or leave it out."))
    elif learns and margin is None:
        message = "`learned` needs to know what of the limit is kept back"
        hint = "Write `reserve_margin_usd`: about what the requests that run at one time can cost at most."
        yield Checked(Finding("invalid-value", message, (*at, "reserve"), hint))
    elif margin is not None and not learns:
        message = "only `reserve: learned` keeps something back"
        yield Checked(Finding("invalid-value", message, (*at, "reserve_margin_usd"), "Leave it out."))
    elif margin is not None and budget.limit_usd is not None and margin >= budget.limit_usd:
        message = "what is kept back has to be less than the limit"
        yield Checked(Finding("invalid-value", message, (*at, "reserve_margin_usd")))


def _covered(config: Config) -> _Covered:
    """Which teams, projects, principals and tags some key counts against."""
    covered: _Covered = {"team": set(), "project": set(), "principal": set(), "tag": set()}
    for owner in key_owners(config.virtual_keys):
        covered["team"].update(teams_of_key(owner, config))
        covered["project"].update(() if owner.project is None else (owner.project,))
        covered["principal"].update(() if owner.principal is None else (owner.principal,))
        covered["tag"].update(owner.tags)
    return covered


def _is_time_zone(name: str) -> bool:
    """UTC is known without a database of zones, which small containers lack."""
    try:
        return name == "UTC" or bool(ZoneInfo(name))
    except (OSError, ValueError, LookupError):
        return False
