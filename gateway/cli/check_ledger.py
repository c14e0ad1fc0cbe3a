"""`gateway check-ledger`: whether sums and counters say what the ledger's entries say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from gateway.cli.budgets import budgets_of_files
from gateway.cli.database import database, failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, ControlPlaneUrl, Database, PatchPaths, Token, found_paths
from gateway.cli.output import Format, print_json, results, say
from gateway.cli.process_settings import read_settings
from gateway.plan.words import count

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from gateway.counters.redis import RedisCounters
    from gateway.ledger.check import Difference
    from gateway.money.budget import CompiledBudget
    from gateway.settings import Settings

app: Final = Commands()

EPILOG = (
    "Example: gateway check-ledger -c gateway.yaml --repair\n\n"
    "Exit codes: 0 nothing differs, or all of it was mended; 1 something differs."
)

_LOOKS, _PAUSE_S, _TIMEOUT_S = 3, 1.5, 5.0


@app.command("check-ledger", epilog=EPILOG)
def check_ledger(
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    repair: Annotated[bool, typer.Option("--repair", help="Make sums and counters say what the entries say.")] = False,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
    control_plane: ControlPlaneUrl = None,
    database_: Database = None,
    token: Token = None,
) -> None:
    """Compare the ledger's entries with the sums that reports read and with the counters that budgets are held by.

    Counters are those of the budgets of --config, and are compared where GATEWAY_REDIS_URL says they are shared. Under
    traffic a counter runs ahead of the ledger for less than a second, so a difference counts when it stays. Counters in
    the memory of a single worker are rebuilt at its start and at every reload. A control plane that is named compares
    the sums alone.
    """
    from gateway.cli.target import is_over_http, target  # noqa: PLC0415 - help should not wait for what it needs

    differences: Sequence[Mapping[str, Any]]
    before: str | None
    if is_over_http(control_plane, database_):
        if repair:
            raise failed("--repair writes to the ledger itself: give --database")
        with target(control_plane, None, token) as home:
            told = home.get("/ledger/differences")
            differences, before = told["differences"], told.get("pruned_before")
    else:
        found, before = _differences(database_, found_paths(config, patch), repair=repair)
        differences = msgspec.to_builtins(found)
    if output is Format.JSON:
        document = {"differences": differences, "repaired": bool(differences and repair), "pruned_before": before}
        print_json(document)
    else:
        for one in differences:
            results.out(f"{one['what']}: {one['kept']} is kept, {one['true']} by the entries")
        say(_summary(len(differences), repaired=repair))
        if before is not None:
            say(f"Requests before {before} are pruned: their sums stand, and are compared with nothing.")
    if differences and not repair:
        raise typer.Exit(1)


def _summary(number: int, *, repaired: bool) -> str:
    if not number:
        return "Nothing differs."
    if repaired:
        return f"{count(number, 'difference')} {'was' if number == 1 else 'were'} mended."
    return f"{count(number, 'difference')}; --repair mends {'it' if number == 1 else 'them'}."


def _differences(
    written_database: str | None, paths: Sequence[Path], *, repair: bool
) -> tuple[list["Difference"], str | None]:
    """What differs, and the moment before which nothing is compared."""
    import asyncio  # noqa: PLC0415 - see above

    from gateway.ledger.check import check_sums, mend_sums  # noqa: PLC0415
    from gateway.ledger.retention import told_pruned  # noqa: PLC0415
    from gateway.storage.engine import reading, writing  # noqa: PLC0415

    budgets = budgets_of_files(paths) if paths else ()
    with database(written_database) as engine:
        with reading(engine) as connection:
            sums, before = check_sums(connection), told_pruned(connection)
        if sums and repair:
            with writing(engine) as connection:
                mend_sums(connection)
        return [*sums, *asyncio.run(_check_counters(read_settings(), engine, budgets, repair=repair))], before


def mend_counters(settings: "Settings", engine: "Engine", budgets: Sequence["CompiledBudget"]) -> None:
    """Makes counters that gateways share say what the ledger says."""
    import asyncio  # noqa: PLC0415 - see above

    asyncio.run(_check_counters(settings, engine, budgets, repair=True))


async def _check_counters(
    settings: "Settings", engine: "Engine", budgets: Sequence["CompiledBudget"], *, repair: bool
) -> tuple["Difference", ...]:
    import asyncio  # noqa: PLC0415 - see above

    from gateway import clock  # noqa: PLC0415
    from gateway.counters.hold import CountersLost, LedgerState  # noqa: PLC0415
    from gateway.counters.redis import RedisCounters  # noqa: PLC0415
    from gateway.ledger.rebuild import ledger_state  # noqa: PLC0415

    if settings.redis is None or not budgets:
        return ()
    prefix = f"{{gw:{settings.redis_namespace}}}:"

    async def ledger() -> LedgerState:
        return await asyncio.to_thread(ledger_state, engine, budgets, clock.now())

    counters = RedisCounters(settings.redis, prefix=prefix, ledger=ledger, timeout_s=_TIMEOUT_S)
    try:
        lasting = await _lasting(counters, engine, budgets)
        for _ in range(_LOOKS - 1):
            if not lasting:
                break
            await asyncio.sleep(_PAUSE_S)
            now = await _lasting(counters, engine, budgets)
            lasting = {key: both for key, both in now.items() if lasting.get(key) == both}
        if lasting and repair:
            await counters.restore_anew()
    except CountersLost as lost:
        raise failed(f"the counters cannot be compared: {lost}") from None
    finally:
        await counters.close()
    from gateway.ledger.check import Difference  # noqa: PLC0415 - see above

    return tuple(Difference(f"counter {key}", kept, true) for key, (kept, true) in sorted(lasting.items()))


async def _lasting(
    counters: "RedisCounters", engine: "Engine", budgets: Sequence["CompiledBudget"]
) -> dict[str, tuple[int, int]]:
    """By counter: what is kept, and what the ledger says."""
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.counters.hold import Dimension, Limit, Restored  # noqa: PLC0415
    from gateway.ledger.rebuild import counters_in_force  # noqa: PLC0415
    from gateway.money.budget import counter_root  # noqa: PLC0415

    now = clock.now()
    with engine.connect() as connection:
        known = counters_in_force(connection, budgets, now)
    for budget in budgets:
        if budget.each is None:
            span = budget.window.span(now)
            known.setdefault(counter_root(budget, span.id), Restored(0, span.end))
    keys = sorted(known)
    limits = [Limit(key=key, dimension=Dimension.SPEND, ceiling=0, window_s=0) for key in keys]
    kept = await counters.spending(limits)
    return {
        key: (spending.spent, known[key].spent)
        for key, spending in zip(keys, kept, strict=True)
        if spending.spent != known[key].spent
    }
