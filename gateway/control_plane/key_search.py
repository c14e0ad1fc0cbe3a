"""Virtual keys by words, state and environment, page by page; over 100,000 of them in a fraction of a second."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Text, and_, case, cast, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from gateway.config.resources import still_true
from gateway.keys.digest import is_imported_hash
from gateway.ledger import names as ledger_names
from gateway.ledger.rows import DAY_HOURS, HOUR_US
from gateway.ledger.storable import stored_text
from gateway.plan import diff
from gateway.storage.statements import of_owners
from gateway.storage.tables import resources, spend_by_day, spend_by_hour

STATES: Final = ("active", "in rotation", "disabled", "expired", "revoked")
USE_KNOWN_FOR_DAYS: Final = 90

_SEARCHED: Final = ("principal", "project", "team")


class KeySearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys: `text` is in the name, the owner or the attribution, `owners` have them; `None` is any."""

    text: str | None = None
    state: str | None = None
    environment: str | None = None
    owner: str | None = None
    owners: tuple[str, ...] | None = None


class FoundKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key without its secrets. `last_used_at` is to the hour, in microseconds since the epoch."""

    name: str
    owner: str
    revision: int
    state: str
    spec: dict[str, Any]
    last_used_at: int | None = None
    is_imported: bool = False


def search(
    connection: Connection, wanted: KeySearch, *, after: str = "", limit: int, now: int
) -> tuple[tuple[FoundKey, ...], int]:
    """One page by name, behind the key `after`, and how many there are in all.

    Args:
        connection: To the migrated database.
        wanted: Which keys.
        after: The last name of the page before.
        limit: How many at most.
        now: Microseconds since the epoch.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    table = resources.c
    shown, total = _names(connection, wanted, after, limit, now)
    told = (table.name, table.owner, table.revision, table.spec, table.written_references, table.applied_spec)
    columns = (*told, _state(now).label("state"))
    page = select(*columns).where(table.kind == "virtual_keys", table.name.in_(shown)).order_by(table.name)
    used = last_hours(connection, shown, now=now)
    rows = connection.execute(page).mappings()
    return tuple(_found(dict(row), used.get(stored_text(row["name"])), now) for row in rows), total


def _found(row: dict[str, Any], last_used_at: int | None, now: int) -> FoundKey:
    references = still_true(row.pop("written_references"), row["spec"], row.pop("applied_spec"))
    told = {**row, "spec": diff.shown(row["spec"], references)}
    return FoundKey(**told, last_used_at=last_used_at, is_imported=has_imported_secret(row["spec"], now))


def has_imported_secret(spec: Mapping[str, Any], now: int) -> bool:
    """Whether a key has a secret of another gateway's that opens anything, be it one in rotation."""
    secrets = [spec.get("secret_hash")]
    if (spec.get("previous_secret_expires_at") or "") > _text(now):
        secrets.append(spec.get("previous_secret_hash"))
    return any(is_imported_hash(str(one)) for one in secrets)


def state_of(spec: Any, now: int) -> str:
    """The state of one key, as `search` tells it."""
    at = _text(now)
    if (written := spec.get("state", "active")) != "active":
        return str(written)
    if spec.get("expires_at") is not None and spec["expires_at"] <= at:
        return "expired"
    return "in rotation" if (spec.get("previous_secret_expires_at") or "") > at else "active"


def last_hours(connection: Connection, names: Iterable[str], *, now: int) -> dict[str, int]:
    """The hours in which keys were last used, of the last 90 days, in microseconds since the epoch."""
    known = ledger_names.read(connection)
    texts = {text: name for name in names for text in known.texts_of("virtual_keys", name)}
    wanted = [*texts]
    first = now // (DAY_HOURS * HOUR_US) - USE_KNOWN_FOR_DAYS
    day, hour = spend_by_day.c, spend_by_hour.c
    # PERF: sums of days are few, and each of the last days is then looked up by the beginning of the hours' key.
    days = (
        select(day.virtual_key, func.max(day.day))
        .where(day.day >= first, day.virtual_key.in_(wanted))
        .group_by(day.virtual_key)
    )
    by_day: dict[int, list[str]] = {}
    for name, last in connection.execute(days):
        by_day.setdefault(last, []).append(name)
    found: dict[str, int] = {}
    for last, some in by_day.items():
        hours = (
            select(hour.virtual_key, func.max(hour.hour))
            .where(hour.hour.in_(range(last * DAY_HOURS, (last + 1) * DAY_HOURS)), hour.virtual_key.in_(some))
            .group_by(hour.virtual_key)
        )
        for text, at in connection.execute(hours):
            name = stored_text(texts[text])
            found[name] = max(found.get(name, 0), at * HOUR_US)
    return found


def _names(connection: Connection, wanted: KeySearch, after: str, limit: int, now: int) -> tuple[Sequence[str], int]:
    """The names on a page, and how many there are in all."""
    name = resources.c.name
    matching = select(name).where(*_conditions(wanted, now)).order_by(name)
    if wanted == KeySearch():
        total = connection.scalar(select(func.count()).where(resources.c.kind == "virtual_keys")) or 0
        return connection.scalars(matching.where(name > after).limit(limit)).all(), total
    # PERF: looking through all specs is what takes time; it is done once, for the page and for the number of keys.
    names = connection.scalars(matching).all()
    first = bisect_right(names, after)
    return names[first : first + limit], len(names)


def _conditions(wanted: KeySearch, now: int) -> list[ColumnElement[bool]]:
    table, spec = resources.c, resources.c.spec
    conditions = [table.kind == "virtual_keys", *of_owners(table.owner, wanted.owners)]
    if wanted.text:
        conditions.append(_contains(stored_text(wanted.text)))
    if wanted.owner is not None:
        conditions.append(table.owner == stored_text(wanted.owner))
    if wanted.environment is not None:
        conditions.append(func.coalesce(spec["environment"].as_string(), "live") == wanted.environment)
    if wanted.state is not None:
        conditions.append(_state(now) == wanted.state)
    return conditions


def _contains(text: str) -> ColumnElement[bool]:
    table, spec = resources.c, resources.c.spec
    named = or_(*(place.icontains(text, autoescape=True) for place in (table.name, table.owner)))
    attributed = or_(*(spec[name].as_string().icontains(text, autoescape=True) for name in _SEARCHED))
    # PERF: only what has the words anywhere in its spec is taken apart.
    return or_(named, and_(cast(spec, Text).icontains(text, autoescape=True), attributed))


def _state(now: int) -> ColumnElement[str]:
    spec, at = resources.c.spec, _text(now)
    written = func.coalesce(spec["state"].as_string(), "active")
    return case(
        (written != "active", written),
        (spec["expires_at"].as_string() <= at, "expired"),
        (spec["previous_secret_expires_at"].as_string() > at, "in rotation"),
        else_="active",
    )


def _text(now: int) -> str:
    """A moment as specs write it; all of them are in UTC, so that their texts compare as they do."""
    return datetime.fromtimestamp(now // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
