"""Requests of the ledger, sent through the configuration as it is and as a plan would make it. Nothing is sent out."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from gateway.config.assemble import assemble
from gateway.config.resources import Resource
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper
from gateway.money.cost import cost
from gateway.pipeline.explain import Way, way
from gateway.plan.replay import SHOWN, Difference, Replay
from gateway.providers.registry import ProviderSet
from gateway.shapes.endpoints import ENDPOINTS
from gateway.snapshot.compile import compile_snapshot
from gateway.snapshot.snapshot import Revision, Snapshot
from gateway.storage.tables import TOKENS, ledger_entries
from gateway.upstream.request import NoTransport
from gateway.usage import Usage

_DAY_US: Final = 24 * 3_600 * 1_000_000
_MOST_GROUPS: Final = 20_000


def replay(
    connection: Connection, before: Iterable[Resource], after: Iterable[Resource], *, days: int, now: int
) -> Replay | None:
    """The last days under both; `None` where one of the two cannot be compiled."""
    was, becomes = _snapshot(before, now), _snapshot(after, now)
    if was is None or becomes is None:
        return None
    totals = dict.fromkeys(("requests", "rerouted", "refused", "admitted", "cost_before", "cost_after"), 0)
    differences: list[Difference] = []
    for row in _groups(connection, now - days * _DAY_US):
        endpoint = ENDPOINTS.get(row["endpoint"])
        if endpoint is None:
            continue
        number = row["requests"]
        totals["requests"] += number
        body = msgspec.json.encode({"model": row["model_asked"], "messages": []})
        old, new = (way(snapshot, row["virtual_key"], endpoint, body) for snapshot in (was, becomes))
        if old.refused is None and new.refused is None:
            usage = Usage(**{kind: row[kind] for kind in TOKENS})
            totals["cost_before"] += _cost(old, usage, number)
            totals["cost_after"] += _cost(new, usage, number)
        if old.told == new.told:
            continue
        kind = "rerouted" if old.refused is None and new.refused is None else None
        kind = kind or ("refused" if old.refused is None else "admitted" if new.refused is None else "")
        if kind:
            totals[kind] += number
        differences.append(
            Difference(
                virtual_key=row["virtual_key"],
                model_asked=row["model_asked"],
                endpoint=row["endpoint"],
                requests=number,
                before=old.told,
                after=new.told,
                refused=kind == "refused",
            )
        )
    differences.sort(key=lambda one: (-one.requests, one.virtual_key, one.model_asked, one.endpoint))
    left_out = max(0, len(differences) - SHOWN)
    return Replay(days=days, **totals, differences=differences[:SHOWN], left_out=left_out)


def _groups(connection: Connection, since: int) -> list[dict[str, Any]]:
    by = [ledger_entries.c[name] for name in ("virtual_key", "model_asked", "endpoint")]
    sums = [func.sum(ledger_entries.c[kind]).label(kind) for kind in TOKENS]
    statement = (
        select(*by, func.count().label("requests"), *sums)
        .where(ledger_entries.c.occurred_at >= since, ledger_entries.c.virtual_key != "")
        .group_by(*by)
        .order_by(func.count().desc(), *by)
        .limit(_MOST_GROUPS)
    )
    rows = connection.execute(statement).mappings()
    return [{name: int(value) if name in TOKENS else value for name, value in row.items()} for row in rows]


def _snapshot(resources: Iterable[Resource], now: int) -> Snapshot | None:
    config = assemble(resources, now=datetime.fromtimestamp(now / 1e6, UTC)).config
    if config is None:
        return None
    revision = Revision("replay", None)
    return compile_snapshot(config, revision, Pepper(DEVELOPMENT_PEPPER), ProviderSet(NoTransport()))


def _cost(found: Way, usage: Usage, requests: int) -> int:
    if found.price is None:
        return 0
    # The sum of many prompts is no long prompt: the tier is that of short ones.
    short = msgspec.structs.replace(found.price, tiers=())
    return cost(usage, short, requests)
