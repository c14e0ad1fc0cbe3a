"""A period at other prices than those that it was charged at; no row is touched."""

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection

from gateway.ledger.query import EVERYBODY, GroupBy, Scope, entries
from gateway.ledger.retention import check_kept
from gateway.ledger.rows import DAY_HOURS, HOUR_US, day_text, hour_text
from gateway.money.cost import STATED, AnswerCost
from gateway.telemetry.decision_record import DecisionRecord
from gateway.usage import Usage

_PAGE = 1_000
_NO_USAGE = Usage()

CostOf = Callable[[DecisionRecord, Usage], AnswerCost | None]
"""What an answer of the ledger would cost; `None` where its model has no price."""


class Recomputed(msgspec.Struct, frozen=True, kw_only=True):
    """One group: what was charged and what it would be, in nano-USD.

    `unpriced` counts the requests of which something has no price. Those whose model has none stay at what was charged,
    and so do those that were charged by an estimate, since they state no usage. `stated` counts those whose answers
    stated themselves what they cost: they stay at that, whatever the prices say.
    """

    group: tuple[str, ...]
    requests: int
    charged: int
    recomputed: int
    unpriced: int
    stated: int = 0


def recompute(
    connection: Connection,
    by: Sequence[GroupBy],
    *,
    start: int,
    end: int,
    cost_of: CostOf,
    scope: Scope = EVERYBODY,
) -> tuple[Recomputed, ...]:
    """What the requests of a period would cost, one row per combination of values, in their order.

    Args:
        connection: To the migrated database.
        by: The dimensions to keep apart, but for `tag`; days are those of UTC.
        start: The first microsecond of the period.
        end: The first one behind it.
        cost_of: At today's prices, say, or at those of the request's own time.
        scope: Whose requests.

    Raises:
        BadParameterError: Requests of the period are pruned.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    check_kept(connection, start, "what requests would cost is worked out request by request")
    sums: dict[tuple[str, ...], list[int]] = {}
    cursor = None
    while True:
        page = entries(connection, limit=_PAGE, cursor=cursor, scope=scope, start=start, end=end, newest_first=False)
        for entry in page.entries:
            figures = sums.setdefault(_group(entry, by), [0, 0, 0, 0, 0])
            charged, usage = entry.cost_nano_usd or 0, entry.usage or _NO_USAGE
            consumed = usage != _NO_USAGE
            is_stated = entry.price_source == STATED
            is_listed = (charged or consumed) and not is_stated
            found = cost_of(entry, usage) if is_listed else None
            # What was charged without usage was estimated by a request that nobody has any more.
            now = charged if found is None or not (consumed or found.nano_usd) else found.nano_usd
            unpriced = consumed and is_listed and (found is None or bool(found.unpriced))
            for place, amount in enumerate((1, charged, now, int(unpriced), int(is_stated))):
                figures[place] += amount
        cursor = page.following
        if cursor is None:
            break
    return tuple(
        Recomputed(group=group, requests=requests, charged=charged, recomputed=now, unpriced=unpriced, stated=stated)
        for group, (requests, charged, now, unpriced, stated) in sorted(sums.items())
    )


def _group(entry: DecisionRecord, by: Sequence[GroupBy]) -> tuple[str, ...]:
    return tuple(_value(entry, name) or "" for name in by)


def _value(entry: DecisionRecord, name: GroupBy) -> str | None:
    if name == "day":
        return day_text(entry.occurred_at // (DAY_HOURS * HOUR_US))
    if name == "hour":
        return hour_text(entry.occurred_at // HOUR_US)
    if name in ("served_model", "service_tier"):
        member = name.removeprefix("served_")
        return None if entry.served is None else getattr(entry.served, member)
    value: str | None = getattr(entry, name)
    return value
