"""Requests of the ledger, sent through the configuration as it is and as a plan would make it. Nothing is sent out."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Text, cast, func, select

from gateway.clock import moment_at
from gateway.config.resources import Resource
from gateway.ledger import names
from gateway.ledger.scope import Scope
from gateway.money.cost import cost
from gateway.pipeline.explain import Way, way
from gateway.pipeline.watch import enforced_names
from gateway.plan.make import go_on
from gateway.plan.replay import SHOWN, Difference, Replay
from gateway.shapes.endpoints import ENDPOINTS
from gateway.snapshot.holder import Rejection
from gateway.snapshot.of_resources import judged
from gateway.snapshot.snapshot import Snapshot
from gateway.storage.tables import ledger_entries
from gateway.usage import TOKENS, Served, Usage

_DAY_US: Final = 24 * 3_600 * 1_000_000
_MOST_GROUPS: Final = 20_000


def replay(
    connection: Connection,
    before: Iterable[Resource],
    after: Iterable[Resource],
    *,
    renamed: Mapping[str, str],
    days: int,
    now: int,
    owners: tuple[str, ...] | None = None,
    still: Callable[[], object] = go_on,
) -> Replay | None:
    """The last days under both, of the keys of owners perhaps; `None` where one of the two cannot be compiled.

    `renamed` are keys, by old name; `still` is that of `make_plan`.
    """
    known = names.read(connection)
    was, becomes = _snapshot(before, now), _snapshot(after, now)
    if was is None or becomes is None:
        return None
    totals = dict.fromkeys(("requests", "rerouted", "refused", "admitted", "warned", "cost_before", "cost_after"), 0)
    differences: dict[tuple[str, str, str], Difference] = {}
    for group in _groups(connection, now - days * _DAY_US, Scope(owners=owners)):
        still()
        endpoint = ENDPOINTS.get(group.endpoint)
        if endpoint is None:
            continue
        number = group.requests
        totals["requests"] += number
        body = msgspec.json.encode({"model": group.model_asked, "messages": []})
        name = known.name_of("virtual_keys", group.virtual_key)
        old = _refused_by_rules(was, name, way(was, name, endpoint, body), group)
        renamed_to = renamed.get(name, name)
        new = _refused_by_rules(becomes, renamed_to, way(becomes, renamed_to, endpoint, body), group)
        if old.refused is None and new.refused is None:
            totals["cost_before"] += _cost(old, group)
            totals["cost_after"] += _cost(new, group)
        if old.told == new.told:
            continue
        if kind := _kind(old, new):
            totals[kind] += number
        whose = name, group.model_asked, group.endpoint
        told = differences.get(whose)
        differences[whose] = Difference(
            virtual_key=name,
            model_asked=group.model_asked,
            endpoint=group.endpoint,
            requests=number + (0 if told is None else told.requests),
            before=old.told,
            after=new.told,
            refused=kind == "refused",
        )
    found = sorted(
        differences.values(), key=lambda one: (-one.requests, one.virtual_key, one.model_asked, one.endpoint)
    )
    left_out = max(0, len(found) - SHOWN)
    return Replay(days=days, **totals, differences=found[:SHOWN], left_out=left_out)


def _kind(old: Way, new: Way) -> str:
    """Which of the sums a difference counts in; empty where it counts in none."""
    if old.refused is not None:
        return "" if new.refused is not None else "admitted"
    if new.refused is not None:
        return "refused"
    if old.target != new.target:
        return "rerouted"
    return "warned" if set(new.warnings) - set(old.warnings) else ""


def _refused_by_rules(snapshot: Snapshot, key: str, found: Way, group: "_Group") -> Way:
    """The way, or the refusal of requests that were warned of, where what warned of them is enforced."""
    if found.refused is not None or not group.warnings:
        return found
    enforced = enforced_names(snapshot.key_named(key))
    refusing = [rule for rule in json.loads(group.warnings) if rule in enforced]
    return Way(None, None, f"refused by {', '.join(refusing)}") if refusing else found


class _Group(NamedTuple):
    """Requests that one key sent to one endpoint for one model, and that were served alike.

    `warnings` are the rules that warned of them, as JSON.
    """

    virtual_key: str
    model_asked: str
    endpoint: str
    requests: int
    usage: Usage
    served: Served
    warnings: str | None


def _groups(connection: Connection, since: int, scope: Scope) -> Iterator[_Group]:
    """The busiest first. Requests that named no model are refused whatever the configuration says."""
    entries = ledger_entries.c
    columns = ("virtual_key", "model_asked", "endpoint", "service_tier", "speed", "region")
    by = [*(entries[name] for name in columns), cast(entries.warnings, Text).label("warnings")]
    asked = entries.occurred_at >= since, entries.virtual_key != "", entries.model_asked != ""
    meant = (*asked, *scope.conditions(ledger_entries, names.read(connection)))
    further: dict[tuple[str | None, ...], dict[str, int]] = {}
    for *whose, amounts in connection.execute(select(*by, entries.further).where(*meant, entries.further.is_not(None))):
        known = further.setdefault(tuple(whose), {})
        for kind, amount in amounts.items():
            known[kind] = known.get(kind, 0) + amount
    sums = [func.sum(entries[kind]).label(kind) for kind in TOKENS]
    statement = (
        select(*by, func.count().label("requests"), *sums)
        .where(*meant)
        .group_by(*by)
        .order_by(func.count().desc(), *by)
        .limit(_MOST_GROUPS)
    )
    for row in connection.execute(statement).mappings():
        usage = Usage(
            **{kind: int(row[kind]) for kind in TOKENS},
            further=further.get(tuple(row[name] for name in (*columns, "warnings")), msgspec.UNSET),
        )
        served = Served(
            service_tier=row["service_tier"] or None, speed=row["speed"] or None, region=row["region"] or None
        )
        yield _Group(
            row["virtual_key"], row["model_asked"], row["endpoint"], row["requests"], usage, served, row["warnings"]
        )


def _snapshot(resources: Iterable[Resource], now: int) -> Snapshot | None:
    made = judged(resources, moment_at(now))
    return None if isinstance(made, Rejection) else made


def _cost(found: Way, group: _Group) -> int:
    if found.price is None:
        return 0
    # The sum of many prompts is no long prompt: the tier is that of short ones.
    own = found.price.under(group.served)
    return cost(group.usage, msgspec.structs.replace(own, tiers=()), group.requests)
