"""What was spent at LiteLLM so far, as opening rows of the ledger: one for each counter of a budget, once.

LiteLLM keeps one sum for each key, team, user, member, tag and end user, since its window began: `budget_duration`
before `budget_reset_at`. It counts in the window of ours that is in force; what cannot be said to be within a window of
another length is told.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

import msgspec

from gateway.config.resources import Identities
from gateway.importers.draft import PERIOD, SECONDS, Draft, window_of, words
from gateway.importers.kept_secrets import moment
from gateway.importers.litellm_keys import Dump, Models, member_rows, read_keys
from gateway.ledger.rows import HOUR_US, OPENING_BALANCE
from gateway.money.budget import CompiledBudget, Who, counter_key
from gateway.money.nano_usd import NANO_PER_USD
from gateway.telemetry.decision_record import Charge, DecisionRecord

_OF_EVERYBODY: Final = "litellm-proxy-budget"
"""The user whose sum is that of all requests."""

_SECONDS: Final = {**SECONDS, "mo": 31 * 86_400}
"""A month is as long as the longest."""
_SECOND_US: Final = 1_000_000
_LARGEST_USD: Final = 10**9


class Opening(msgspec.Struct, frozen=True):
    """What a counter begins with: the record for the ledger, the budget, and nano-USD."""

    budget: str
    counter: str
    amount: int
    record: DecisionRecord


class _Sum(msgspec.Struct, frozen=True):
    """A sum of LiteLLM's: whose it is here, and the row with its period."""

    where: str
    kind: str
    name: str
    row: dict[str, Any]
    each: str | None = None
    person: str = ""


def openings(
    dump: object, budgets: Sequence[CompiledBudget], identities: Identities, at: float, pruned_before: int
) -> tuple[list[Opening], list[str]]:
    """The opening rows for budgets, and what is told of sums that give none.

    Args:
        dump: LiteLLM's tables, as `gateway import litellm --keys` reads them.
        budgets: Those that are in force here.
        identities: The ids of what was renamed.
        at: Now, in seconds since the epoch.
        pruned_before: Microseconds since the epoch, before which the ledger keeps no rows.
    """
    found: dict[str, Opening] = {}
    told: list[str] = []
    for one in _sums(dump):
        amount = _amount(one.row.get("spend"))
        if amount is None:
            told.append(f"{one.where}.spend: it is no amount, so nothing is written")
        if not amount:
            continue
        meant = [budget for budget in budgets if _is_of(budget, one)]
        resets = moment(one.row["budget_reset_at"]) if one.row.get("budget_reset_at") else ""
        reset = datetime.fromisoformat(resets).timestamp() if resets else None
        if meant and reset is not None and reset <= at:
            told.append(f"{one.where}.spend: its window ended at {resets}, so nothing of it counts any more")
            continue
        duration = words(one.row.get("budget_duration"))
        for budget in meant:
            window, _ = window_of(duration)
            if budget.window.kind != window:
                text = f"it is the sum of {duration or 'all time'}, and the budget {budget.name!r} is of another window"
                told.append(f"{one.where}.spend: {text}")
                continue
            began = None if reset is None else reset - _length(duration)
            opening = _opening(budget, one, identities, amount, at, began, pruned_before)
            found.setdefault(opening.record.request_id, opening)
    return list(found.values()), told


def _sums(dump: object) -> Iterator[_Sum]:
    """Every sum of the dump, under the names that an import gives."""
    draft, tables = Draft("imported"), Dump(dump)
    read_keys(draft, tables, Models({}, {}, {}))
    for index, (name, key) in enumerate(zip(tables.names, tables.keys, strict=True)):
        if name:
            yield _Sum(f"keys[{index}]", "virtual_key", name, tables.with_budget(key))
    for identifier, row in tables.teams.items():
        yield _Sum(f"teams.{identifier}", "team", draft.entry("teams", identifier), tables.with_budget(row))
    for identifier, row in tables.users.items():
        if identifier == _OF_EVERYBODY:
            yield _Sum(f"users.{identifier}", "organization", "", tables.with_budget(row))
        else:
            principal = draft.entry("principals", identifier)
            yield _Sum(f"users.{identifier}", "principal", principal, tables.with_budget(row))
    for tag, row in tables.tags.items():
        yield _Sum(f"tags.{tag}", "tag", tag, tables.with_budget(row))
    for index, row in enumerate(member_rows(tables)):
        team, user = words(row.get("team_id")), words(row.get("user_id"))
        if team in tables.teams and user:
            principal = draft.entry("principals", user)
            name = draft.entry("teams", team)
            yield _Sum(f"team_memberships[{index}]", "team", name, row, "principal", principal)
    for identifier, row in tables.end_users.items():
        yield _Sum(f"end_users.{identifier}", "organization", "", tables.with_budget(row), "end_user", identifier)


def _is_of(budget: CompiledBudget, one: _Sum) -> bool:
    """Whether a sum is what a budget counts; one of a provider, a model or an endpoint counts less."""
    scope = budget.scope
    is_named = scope.kind == one.kind and one.name in ("", scope.value)
    counts_all = (budget.unit, budget.provider, budget.model, budget.endpoint) == ("usd", None, None, None)
    return is_named and budget.each == one.each and counts_all


def _opening(
    budget: CompiledBudget,
    one: _Sum,
    identities: Identities,
    amount: int,
    at: float,
    began: float | None,
    pruned_before: int,
) -> Opening:
    span = budget.window.span(at)
    person = one.person if one.each == "end_user" else None
    principal = one.person if one.each == "principal" else None
    who = Who(virtual_key="", teams=(), principal=identities.get(("principals", principal or ""), principal))
    counter = counter_key(budget, who, person, span.id)
    within = at if began is None or span.end is None else min(at, max(began, span.start))
    occurred_at = int(within * _SECOND_US)
    if occurred_at < pruned_before + HOUR_US:
        occurred_at = int(at * _SECOND_US)
    # Whatever window it is, there is one opening row for a counter's owner.
    owner = "\0".join((counter_key(budget, who, person, ""), OPENING_BALANCE))
    record = DecisionRecord(
        request_id=f"opening-litellm-{hashlib.sha256(owner.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}",
        endpoint=OPENING_BALANCE,
        status=200,
        outcome="ok",
        cost_nano_usd=0,
        price_source="import",
        occurred_at=occurred_at,
        budgets=(Charge(counter, amount),),
    )
    return Opening(budget.name, counter, amount, record)


def _amount(written: object) -> int | None:
    """Nano-USD, rounded up, so that no more is left than before; `None` for what is no amount."""
    if written is None:
        return 0
    try:
        spent = Decimal(str(written))
        fits = 0 <= spent <= _LARGEST_USD
    except ArithmeticError:  # no number, or none that compares
        return None
    return int((spent * NANO_PER_USD).to_integral_value(ROUND_CEILING)) if fits else None


def _length(duration: str) -> int:
    found = PERIOD.fullmatch(duration)
    return 0 if found is None else int(found[1]) * _SECONDS[found[2]]
