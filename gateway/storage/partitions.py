"""The ledger's rows in PostgreSQL, month by month, so that a month goes with its table and no row is deleted for it.

A ledger that nothing is pruned of is one table. The first time, it becomes the part `ledger_entries_before` of a
partitioned one, without a row being read under a lock that others wait for:

1. it is attached as the default part, which takes whatever no other part does
2. a constraint says that it has nothing of later than some months from now, and is validated beside all traffic
3. by that constraint it is attached anew as the part up to there, and months of their own follow

Every part has its own primary key, and the whole has none: so that a row is known by its id within its month, and
`ON CONFLICT DO NOTHING`, as gateways of every version say it, goes on to work. What no month has room for is in
`ledger_entries_default`.

Locks that others wait for are asked for with a timeout of 40 ms, given up and tried again, so that nobody waits for
longer behind them (https://www.postgresql.org/docs/15/ddl-partitioning.html, /docs/15/explicit-locking.html).
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, exc, text

from gateway import clock
from gateway.storage.engine import StorageError, describe_url, writing

WHOLE: Final = "ledger_entries"
_BEFORE: Final = f"{WHOLE}_before"
_DEFAULT: Final = f"{WHOLE}_default"
_WALL: Final = f"{_BEFORE}_wall"
_RETAINED: Final = f"{WHOLE}_retained"

_MONTHS_AHEAD: Final = 3
_MOST_MONTHS_AHEAD: Final = 24
_MUCH_BYTES: Final = 16 * 1024 * 1024
"""A default part up to this size is looked through in a moment, which making a new part does under a lock."""
_TRIES: Final = 60
_BUSY: Final = ("55P03", "40P01")
"""`lock_not_available` and `deadlock_detected`."""
_BOUNDS: Final = re.compile(r"FROM \((?:MINVALUE|'?(-?\d+)'?)\) TO \('?(-?\d+)'?\)")
_LESS_THAN: Final = re.compile(r"< '?(\d+)'?")

_Result = TypeVar("_Result")


class Part(msgspec.Struct, frozen=True):
    """A table with the rows from `first` to before `behind`, in microseconds; `None` is no bound.

    The default part has neither: it takes what no other does.
    """

    name: str
    first: int | None
    behind: int | None

    @property
    def is_default(self) -> bool:
        """Whether it takes what no other part does."""
        return self.behind is None


def month_start(moment: int, months: int = 0) -> int:
    """The first microsecond of the month, in UTC, so many months after that of a moment."""
    at = clock.moment_at(moment)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    first = at.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return clock.microseconds_of(first)


def in_a_moment(engine: Engine, change: Callable[[Connection], _Result]) -> _Result:
    """What a change of tables returns, which nobody waits for longer than some milliseconds.

    Raises:
        StorageError: Others held what it needs, each time that it was tried.
        sqlalchemy.exc.SQLAlchemyError: See `gateway.storage.engine.is_unavailable`.
    """
    for _ in range(_TRIES):
        try:
            with writing(engine) as connection:
                if connection.dialect.name == "postgresql":
                    _run(connection, "SET LOCAL lock_timeout = '40ms'")
                return change(connection)
        except exc.OperationalError as problem:
            if getattr(problem.orig, "sqlstate", None) not in _BUSY:
                raise
        time.sleep(random.uniform(0.05, 0.4))  # noqa: S311 - lets others go first, hides nothing
    raise StorageError(f"{describe_url(engine.url)}: long transactions hold the ledger; try again when they have ended")


def cut(engine: Engine, now: int) -> None:
    """Has the ledger in parts, and parts ready for the months to come. Does nothing where all of that is so.

    Args:
        engine: Of a migrated PostgreSQL.
        now: Microseconds since the epoch.

    Raises:
        StorageError: See `in_a_moment`.
        sqlalchemy.exc.SQLAlchemyError: Among others where the role does not own the table.
    """
    with writing(engine) as connection:
        known = parts(connection)
    if not known:
        in_a_moment(engine, _make_whole)
    if not known or any(part.is_default and part.name == _BEFORE for part in known):
        if not in_a_moment(engine, lambda connection: _build_wall(connection, now)):
            return
        in_a_moment(engine, lambda connection: _alter(connection, _BEFORE, f"VALIDATE CONSTRAINT {_WALL}"))
        in_a_moment(engine, _bound_what_was_before)
    if max((part.behind or 0 for part in known), default=0) <= month_start(now, _MONTHS_AHEAD):
        in_a_moment(engine, lambda connection: _make_months(connection, now))


def retain(connection: Connection, since: int) -> None:
    """Drops the parts that end by a moment, and has the others refuse what is older.

    Args:
        connection: Of `in_a_moment`; to PostgreSQL or SQLite, where there is one table.
        since: Microseconds since the epoch, where a month begins.
    """
    if connection.dialect.name != "postgresql":
        _run(connection, f"DROP TRIGGER IF EXISTS {_RETAINED}")
        _run(
            connection,
            f"CREATE TRIGGER {_RETAINED} BEFORE INSERT ON {WHOLE} WHEN NEW.occurred_at < {since} "
            "BEGIN SELECT RAISE(ABORT, 'the requests of that month are pruned'); END",
        )
        return
    _lock(connection, WHOLE)
    for part in parts(connection) or (Part(WHOLE, None, None),):
        if part.behind is not None and part.behind <= since:
            _run(connection, f"DROP TABLE {part.name}")
        elif part.first is None:
            check = f"ADD CONSTRAINT {_RETAINED} CHECK (occurred_at >= {since}) NOT VALID"
            _alter(connection, part.name, f"DROP CONSTRAINT IF EXISTS {_RETAINED}, {check}")


def parts(connection: Connection) -> tuple[Part, ...]:
    """The parts of the ledger in PostgreSQL, none where it is one table."""
    found = _run(
        connection,
        "SELECT relname, pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits JOIN pg_class ON pg_class.oid = "
        "inhrelid WHERE inhparent = to_regclass(:name) AND relispartition ORDER BY relname",
        name=WHOLE,
    )
    return tuple(_part(name, bounds) for name, bounds in found)


def _part(name: str, written: str) -> Part:
    bounds = _BOUNDS.search(written)
    if bounds is None:
        return Part(name, None, None)
    return Part(name, None if bounds[1] is None else int(bounds[1]), int(bounds[2]))


def _make_whole(connection: Connection) -> None:
    """What is one table becomes the default part of a partitioned one, of the same owner and open to the same roles."""
    _lock(connection, WHOLE)
    if parts(connection):
        return
    _alter(connection, WHOLE, f"RENAME TO {_BEFORE}")
    _run(connection, f"CREATE TABLE {WHOLE} (LIKE {_BEFORE} INCLUDING DEFAULTS) PARTITION BY RANGE (occurred_at)")
    _give_to_owner(connection, WHOLE)
    for privilege, role, option in _grants(connection):
        _run(connection, f"GRANT {privilege} ON {WHOLE} TO {role}{option}")
    _alter(connection, WHOLE, f"ATTACH PARTITION {_BEFORE} DEFAULT")


def _build_wall(connection: Connection, now: int) -> bool:
    """States, without looking at rows, up to where the part of before has any; far enough ahead of what comes in.

    Returns whether there can be one: not where a clock that was years ahead has left a row.
    """
    _lock(connection, WHOLE)
    stands, _ = _wall(connection)
    latest = _run(connection, f"SELECT max(occurred_at) FROM {_BEFORE}").scalar()  # noqa: S608 - a name of our own
    if stands > max(latest or 0, month_start(now, 1)):
        return True
    if latest is not None and latest >= month_start(now, _MOST_MONTHS_AHEAD):
        return False
    wall = month_start(max(latest or 0, now), _MONTHS_AHEAD)
    check = f"ADD CONSTRAINT {_WALL} CHECK (occurred_at < {wall}) NOT VALID"
    _alter(connection, _BEFORE, f"DROP CONSTRAINT IF EXISTS {_WALL}, {check}")
    return True


def _wall(connection: Connection) -> tuple[int, bool]:
    """Before which moment the part of before is said to end, zero if nothing is said, and whether that is proven."""
    found = _run(
        connection,
        "SELECT pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE conname = :wall "
        "AND conrelid = to_regclass(:name)",
        wall=_WALL,
        name=_BEFORE,
    ).first()
    said = None if found is None else _LESS_THAN.search(found[0])
    return (0, False) if found is None or said is None else (int(said[1]), bool(found[1]))


def _bound_what_was_before(connection: Connection) -> None:
    """The part of before ends at its wall, which proves to PostgreSQL that no row has to be looked at."""
    _lock(connection, WHOLE)
    wall, is_proven = _wall(connection)
    if not is_proven or not any(part.is_default and part.name == _BEFORE for part in parts(connection)):
        return  # another process has done it, or is about to
    _alter(connection, WHOLE, f"DETACH PARTITION {_BEFORE}")
    _alter(connection, WHOLE, f"ATTACH PARTITION {_BEFORE} FOR VALUES FROM (MINVALUE) TO ({wall})")
    _run(connection, f"CREATE TABLE {_DEFAULT} (LIKE {_BEFORE} INCLUDING DEFAULTS INCLUDING INDEXES)")
    _give_to_owner(connection, _DEFAULT)
    since = _pruned_before(connection)
    if since:
        _alter(connection, _DEFAULT, f"ADD CONSTRAINT {_RETAINED} CHECK (occurred_at >= {since}) NOT VALID")
    _alter(connection, WHOLE, f"ATTACH PARTITION {_DEFAULT} DEFAULT")


def _make_months(connection: Connection, now: int) -> None:
    """Months from where the parts end up to some ahead; none that the default part has rows of.

    Making one looks through the default part under a lock, so a large one stays alone with what comes.
    """
    _lock(connection, WHOLE)
    size = _run(connection, "SELECT pg_relation_size(to_regclass(:name))", name=_DEFAULT).scalar()
    if size is None or size > _MUCH_BYTES:
        return
    known = parts(connection)
    ends = max((part.behind for part in known if part.behind is not None), default=0)
    for first, behind in _months(max(ends, month_start(now)), month_start(now, _MONTHS_AHEAD + 1)):
        taken = f"SELECT 1 FROM {_DEFAULT} WHERE occurred_at >= {first} AND occurred_at < {behind} LIMIT 1"  # noqa: S608
        if _run(connection, taken).scalar() is not None:
            continue
        name = f"{WHOLE}_{clock.moment_at(first):%Y_%m}"
        _run(connection, f"CREATE TABLE {name} (LIKE {_DEFAULT} INCLUDING DEFAULTS INCLUDING INDEXES)")
        _give_to_owner(connection, name)
        _alter(connection, WHOLE, f"ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({behind})")


def _months(first: int, behind: int) -> Iterator[tuple[int, int]]:
    while first < behind:
        following = month_start(first, 1)
        yield first, following
        first = following


def _pruned_before(connection: Connection) -> int:
    return int(_run(connection, "SELECT pruned_before FROM ledger_retention").scalar() or 0)


def _grants(connection: Connection) -> list[Any]:
    """Each privilege on the ledger, to whom, and how it may be handed on. No role at all is everybody."""
    return list(
        _run(
            connection,
            "SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, "
            "CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END FROM pg_class, aclexplode(relacl) "
            "WHERE pg_class.oid = to_regclass(:name) AND grantee <> relowner",
            name=_BEFORE,
        )
    )


def _give_to_owner(connection: Connection, name: str) -> None:
    """A new part belongs to whom the ledger belonged before, whoever makes it."""
    owner = _run(
        connection,
        "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE pg_class.oid = to_regclass(:name)",
        name=_BEFORE if name in (WHOLE, _DEFAULT) else WHOLE,
    ).scalar()
    _alter(connection, name, f"OWNER TO {owner}")


def _lock(connection: Connection, name: str) -> None:
    """First of all: whoever holds a part holds the whole as well, so nothing has to be waited for after it."""
    _run(connection, f"LOCK TABLE ONLY {name} IN ACCESS EXCLUSIVE MODE")


def _alter(connection: Connection, name: str, change: str) -> None:
    _run(connection, f"ALTER TABLE {name} {change}")


def _run(connection: Connection, statement: str, **values: str) -> Any:
    return connection.execute(text(statement), values)
