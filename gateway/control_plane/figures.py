"""Use and spend for a plan, from the ledger: asked only for what the plan changes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, func, or_, select

from gateway.clock import moment_at
from gateway.config.assemble import Assembled, assemble
from gateway.config.model import Config
from gateway.config.sections.virtual_keys import Balanced
from gateway.ledger import names
from gateway.ledger.budget_report import MAX_LIMIT, BudgetRow, budget_report
from gateway.ledger.query import spend
from gateway.ledger.rows import HOUR_US
from gateway.ledger.scope import Scope
from gateway.ledger.storable import stored_text
from gateway.money.budget import CompiledBudget, Who, applies
from gateway.plan.change import ResourceChange
from gateway.plan.figures import BudgetFigures, Figures, KeyFigures
from gateway.plan.live import LiveState
from gateway.snapshot.budgets import compile_budgets
from gateway.snapshot.compile import attribution
from gateway.snapshot.prices import Prices
from gateway.storage.tables import ledger_entries, spend_by_hour

_DAY_US: Final = 24 * HOUR_US
_WEEK_US: Final = 7 * _DAY_US
_SECOND_US: Final = 1_000_000


def figures(
    connection: Connection,
    live: LiveState,
    changes: Sequence[ResourceChange],
    now: int,
    owners: tuple[str, ...] | None = None,
) -> Figures:
    """What is known of the resources that change.

    Args:
        connection: To the database of the control plane, which holds the ledger too.
        live: As it is before the changes.
        changes: What is to happen.
        now: Microseconds since the epoch.
        owners: Of whose keys it may be told; `None`: of everybody's.

    What is renamed is told by its new name, as the changes tell it.
    """
    moved = {(one.kind, old): one.name for one in changes if (old := _called(one)) != one.name}
    changed = {
        kind: [_called(one) for one in changes if one.kind == kind and one.before is not None] for kind in _KINDS
    }
    aliases = [one for one in changes if one.kind == "model_aliases"]
    renamed_providers = [one.previous_name for one in changes if one.kind == "providers" and one.previous_name]
    made, scope = Assembled(None, ()), Scope(owners=owners)
    asked = [*changed["model_aliases"], *changed["models"]]
    if changed["budgets"] or asked:
        made = assemble((one.resource for one in live.resources.values()), now=moment_at(now))
    budgets = _budgets(connection, made, _told_of(live, owners), changed["budgets"], now)
    keys = _keys(connection, changed["virtual_keys"], now, scope, everyone=bool(changed["providers"]))
    return Figures(
        as_of=now,
        budgets={moved.get(("budgets", name), name): _renamed_keys(some, moved) for name, some in budgets.items()},
        keys={moved.get(("virtual_keys", name), name): _renamed_providers(one, moved) for name, one in keys.items()},
        asked=_asked(connection, asked, renamed_providers, now, scope),
        prices=_prices(made.config, aliases, now) if made.config is not None else {},
    )


Moved = Mapping[tuple[str, str], str]


def _called(change: ResourceChange) -> str:
    """What the control plane calls a resource before the change."""
    return change.previous_name or change.name


def _renamed_keys(figures: Sequence[BudgetFigures], moved: Moved) -> list[BudgetFigures]:
    return [
        msgspec.structs.replace(one, keys=[moved.get(("virtual_keys", name), name) for name in one.keys])
        for one in figures
    ]


def _renamed_providers(figures: KeyFigures, moved: Moved) -> KeyFigures:
    requests = {
        f"{moved.get(('providers', provider), provider)}/{model}": number
        for (provider, _, model), number in ((target.partition("/"), one) for target, one in figures.requests.items())
    }
    return msgspec.structs.replace(figures, requests=requests)


_KINDS = ("budgets", "virtual_keys", "providers", "model_aliases", "models")


def _told_of(live: LiveState, owners: tuple[str, ...] | None) -> Callable[[str], bool]:
    """Whether a virtual key may be named."""
    return lambda name: owners is None or live.resources["virtual_keys", name].owner in owners


def _budgets(
    connection: Connection, made: Assembled, is_told_of: Callable[[str], bool], wanted: Sequence[str], now: int
) -> dict[str, list[BudgetFigures]]:
    config, ownership = made.config, made.ownership
    if config is None:
        return {}
    sections = {name: config.budgets[name] for name in wanted if name in config.budgets}
    budgets = compile_budgets(sections, names.read(connection).ids)
    if not budgets:
        return {}
    found: dict[str, list[BudgetFigures]] = {}
    report = budget_report(connection, budgets, now=now / _SECOND_US, limit=MAX_LIMIT)
    keys = _active_keys(config)
    for row in report.rows:
        ends = None if row.span.end is None else row.span.end * _SECOND_US
        budget = config.budgets[row.budget.name]
        under = [
            name
            for name, who in keys.items()
            if is_told_of(name)
            and ownership.counts(row.budget.name, budget, ownership.owner_of_key(name))
            and _counts(row, name, who)
        ]
        figure = BudgetFigures(row.spent, under, ends, row.who or "", row.raised)
        found.setdefault(row.budget.name, []).append(figure)
    return found


def _active_keys(config: Config) -> dict[str, Who]:
    found = {}
    for name, key in config.virtual_keys.items():
        if key.state == "active":
            found[name] = attribution(key, config).of_key(name)
    return found


def _counts(row: BudgetRow, name: str, who: Who) -> bool:
    budget: CompiledBudget = row.budget
    if not applies(budget, who):
        return False
    mine = {"virtual_key": name, "principal": who.principal}.get(budget.each or "")
    return row.who is None or budget.each == "end_user" or mine == row.who


def _keys(
    connection: Connection, keys: Sequence[str], now: int, scope: Scope, *, everyone: bool
) -> dict[str, KeyFigures]:
    if not keys and not everyone:
        return {}
    wanted = None if everyone else {stored_text(name) for name in keys}
    end = (now // HOUR_US + 1) * HOUR_US
    week: dict[str, dict[str, int]] = {}
    for row in spend(connection, ("virtual_key", "provider", "model"), start=end - _WEEK_US, end=end, scope=scope):
        key, provider, model = row.group
        if provider and (wanted is None or stored_text(key) in wanted):
            week.setdefault(key, {})[f"{provider}/{model}"] = row.requests
    last_day = spend(connection, ("virtual_key",), start=end - _DAY_US, end=end, scope=scope)
    day = {row.group[0]: row.requests for row in last_day}
    last = last_uses(connection, keys if wanted is not None else [*week])
    return {
        key: KeyFigures(week.get(key, {}), day.get(key, 0), last.get(key))
        for key in {*week, *(keys if wanted is not None else ()), *last}
    }


def last_uses(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """When keys were last used, to the hour at worst, in microseconds since the epoch."""
    known = names.read(connection)
    texts = {text: name for name in keys for text in known.texts_of("virtual_keys", name)}
    hours = (
        select(spend_by_hour.c.virtual_key, func.max(spend_by_hour.c.hour))
        .where(spend_by_hour.c.virtual_key.in_([*texts]))
        .group_by(spend_by_hour.c.virtual_key)
    )
    found: dict[str, int] = {}
    for text, hour in connection.execute(hours):
        start = hour * HOUR_US
        within = (ledger_entries.c.occurred_at >= start) & (ledger_entries.c.occurred_at < start + HOUR_US)
        latest = select(func.max(ledger_entries.c.occurred_at)).where(within, ledger_entries.c.virtual_key == text)
        name = texts[text]
        found[name] = max(found.get(name, 0), connection.scalar(latest) or start)
    return found


def _asked(
    connection: Connection, aliases: Sequence[str], providers: Sequence[str], now: int, scope: Scope
) -> dict[str, int]:
    """Requests of a day by what they asked for: these names, and whatever begins with one of these providers."""
    if not aliases and not providers:
        return {}
    asked = ledger_entries.c.model_asked
    begin = (asked.startswith(f"{stored_text(name)}/", autoescape=True) for name in providers)
    statement = (
        select(asked, func.count())
        .where(ledger_entries.c.occurred_at >= now - _DAY_US)
        .where(or_(asked.in_([stored_text(name) for name in aliases]), *begin))
        .where(*scope.conditions(ledger_entries, names.read(connection)))
        .group_by(asked)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def _prices(config: Config, aliases: Sequence[ResourceChange], now: int) -> dict[str, tuple[int, int]]:
    prices = Prices(config)
    found = {}
    for alias in aliases:
        for spec in (alias.before, alias.after):
            target = _first_target(spec) if spec is not None else None
            if target is None or (provider := config.providers.get(target[0])) is None:
                continue
            price = prices.of(target[0], provider.type, target[1]).at(now / _SECOND_US)
            if price is not None:
                rates = price.rates_at(0)
                found["/".join(target)] = (rates.input or 0, rates.output or 0)
    return found


def _first_target(spec: Mapping[str, object]) -> tuple[str, str] | None:
    targets = spec.get("targets")
    first = targets[0] if isinstance(targets, list) and targets else None
    if isinstance(first, str):
        provider, _, model = first.partition("/")
        return provider, model
    balanced = Balanced.model_validate(first)
    return next(iter(balanced.balance)), balanced.model
