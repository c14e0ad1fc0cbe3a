"""`gateway ledger`: what is kept of old requests."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli.database import database, failed
from gateway.cli.groups import Commands
from gateway.cli.options import OwnDatabase
from gateway.cli.output import Format, print_json, say
from gateway.cli.process_settings import read_settings
from gateway.duration import parse_months
from gateway.plan.words import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.ledger.prune import Month

app: Final = Commands("ledger", "Look after the ledger's rows.")

EPILOG = (
    "Example: gateway ledger prune --keep '13 months' --dry-run\n\n"
    "Gateways and control planes with GATEWAY_LEDGER_RETENTION do this by themselves, once an hour, one at a time."
)


@app.command("prune", epilog=EPILOG)
def prune(
    keep: Annotated[
        str | None,
        typer.Option(help="How many months to keep beside this one: 13 months, 2 years. Default: the setting."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    url: OwnDatabase = None,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
) -> None:
    """Take the rows of requests out of the ledger that are older than GATEWAY_LEDGER_RETENTION says.

    What they spent stays in sums by hour, by day and by budget: budgets, reports and rebuilds go on to be right. What
    only rows tell is gone for good: single requests, tags, end users, recomputed costs. Each month's sums are compared
    with its rows first; where they differ nothing is pruned. Broken off, it goes on the next time.
    """
    from gateway import clock  # noqa: PLC0415 - `gateway version` should not wait for what it does not need
    from gateway.ledger.period import moment_text  # noqa: PLC0415
    from gateway.ledger.prune import PruneError, prospect  # noqa: PLC0415
    from gateway.ledger.prune import prune as run  # noqa: PLC0415
    from gateway.ledger.retention import kept_since  # noqa: PLC0415
    from gateway.storage.engine import reading  # noqa: PLC0415

    try:
        months = read_settings().ledger_retention if keep is None else parse_months(keep)
    except ValueError as error:
        raise failed(f"--keep: {error}") from None
    if months is None:
        raise failed("say how much is kept: set GATEWAY_LEDGER_RETENTION, or give --keep '13 months'")
    since = kept_since(clock.microseconds(), months)
    with database(url) as engine:
        with reading(engine) as connection:
            found = prospect(connection, since)
        if found and not dry_run:
            try:
                run(engine, since)
            except PruneError as problem:
                raise failed(str(problem)) from None
    if output is Format.JSON:
        print_json(_document(found, moment_text(since), dry_run=dry_run))
        return
    _print(found)
    went = "would go" if dry_run else "are pruned"
    if found:
        requests = count(sum(month.requests for month in found), "request")
        say(f"{requests} before {moment_text(since)} {went}; their sums stay.")
    else:
        say(f"The ledger has no rows before {moment_text(since)}.")


def _print(found: "Sequence[Month]") -> None:
    from gateway.cli.tables import exact_usd, new_table, print_table  # noqa: PLC0415 - see above
    from gateway.ledger.period import moment_text  # noqa: PLC0415

    if not found:
        return
    table = new_table()
    table.add_column("month")
    for name in ("requests", "cost (USD)"):
        table.add_column(name, justify="right", no_wrap=True)
    for month, cost in zip(found, exact_usd([month.cost_nano_usd for month in found]), strict=True):
        table.add_row(moment_text(month.start)[:7], f"{month.requests:,}", cost)
    print_table(table)


def _document(found: "Sequence[Month]", since: str, *, dry_run: bool) -> dict[str, object]:
    from gateway.ledger.period import moment_text  # noqa: PLC0415 - see above

    months = [
        {"month": moment_text(one.start)[:7], "requests": one.requests, "cost_nano_usd": one.cost_nano_usd}
        for one in found
    ]
    return {"keeps_from": since, "months": months, "dry_run": dry_run}
