"""`gateway budgets`: where every budget stands."""

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.text import Text

from gateway.cli.database import DatabaseUrl, database, failed
from gateway.cli.file_roots import roots
from gateway.cli.groups import Commands
from gateway.cli.output import results, say, show
from gateway.cli.spend import TableFormat

if TYPE_CHECKING:
    from gateway.ledger.budget_report import BudgetReport, BudgetRow

app: Final = Commands()

EPILOG = (
    "Example: gateway budgets -c gateway.yaml --format json\n\n"
    "States: ok, warning from 80 % of the limit, exceeded when it is reached."
)

_COLORS = {"ok": "green", "warning": "yellow", "exceeded": "red"}


@app.command("budgets", epilog=EPILOG)
def budgets(
    config: Annotated[
        list[Path] | None, typer.Option("--config", "-c", help="Configuration files and directories; repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Counters of a budget with `each`, busiest first.", min=1, max=1000)] = 20,
    output: Annotated[TableFormat, typer.Option("--format", help="table, csv or json.")] = TableFormat.TABLE,
    url: DatabaseUrl = None,
) -> None:
    """Show each budget in its present window: limit, spent by the ledger, reserved by requests under way, state.

    A budget with `each` has one row for everyone who was charged in the window. Reserved is what serving processes
    reported in the last 10 seconds, `-` where none did.
    """
    from gateway import clock  # noqa: PLC0415 - `gateway version` should not wait for what only reports need
    from gateway.cli.process_settings import read_settings  # noqa: PLC0415
    from gateway.config.load import load  # noqa: PLC0415
    from gateway.config.resources import identities_of_moved  # noqa: PLC0415
    from gateway.ledger.budget_report import budget_report, document  # noqa: PLC0415
    from gateway.snapshot.budgets import compile_budgets  # noqa: PLC0415

    paths = config or read_settings().config
    if not paths:
        raise failed("name the configuration whose budgets are meant, for example: gateway budgets -c gateway.yaml")
    loaded = load(paths, environ=os.environ, now=clock.utc_now(), file_roots=roots(None), may_lack_credentials=True)
    show(one for one in loaded.diagnostics if one.is_error)
    if loaded.config is None:
        raise typer.Exit(1)
    compiled = compile_budgets(loaded.config.budgets, identities_of_moved(loaded.config))
    with database(url) as engine, engine.connect() as connection:
        report = budget_report(connection, compiled, now=clock.now(), limit=limit)
    if output is TableFormat.JSON:
        results.out(msgspec.json.format(msgspec.json.encode(document(report)), indent=2).decode())
    elif output is TableFormat.CSV:
        _write_csv(report)
    else:
        _print(report)
    for name, left_out in report.left_out.items():
        say(f"Counters of {name} that are not shown: {left_out}; see --limit.")
    if report.silent:
        silent = ", ".join(report.silent)
        say(f"Not heard of for 10 seconds, so what they reserve is left out: {silent}", "yellow")


def _write_csv(report: "BudgetReport") -> None:
    from gateway.ledger.budget_report import record  # noqa: PLC0415 - see above
    from gateway.ledger.report import inert  # noqa: PLC0415

    writer = None
    for row in report.rows:
        facts = record(row)
        ((kind, value),) = facts.pop("scope").items()
        line = {"budget": facts.pop("budget"), "scope": kind, "name": value, **facts}
        if writer is None:
            writer = csv.DictWriter(results.file, list(line))
            writer.writeheader()
        writer.writerow({name: inert(one) if isinstance(one, str) else one for name, one in line.items()})


def _print(report: "BudgetReport") -> None:
    from gateway.cli.tables import bar, cell, exact_usd, new_table, print_table  # noqa: PLC0415 - see above

    if not report.rows:
        results.print(Text("The configuration has no budgets."))
        return
    limits = exact_usd([row.budget.limit for row in report.rows])
    spent = exact_usd([row.spent for row in report.rows])
    held = exact_usd([row.held or 0 for row in report.rows])
    table = new_table()
    for name in ("budget", "scope", "window", "since", "resets at"):
        table.add_column(name)
    for name in ("limit (USD)", "spent", "reserved", "%"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("", "state"):
        table.add_column(name)
    for row, *(limit, used, reserved) in zip(report.rows, limits, spent, held, strict=True):
        color = _COLORS[row.state]
        table.add_row(
            cell(row.budget.name),
            cell(_scope(row)),
            *map(cell, _window(row)),
            limit,
            used,
            "-" if row.held is None else reserved,
            f"{row.percent:,}",
            bar(row.spent, row.budget.limit, color),
            cell(row.state, color),
        )
    print_table(table)


def _scope(row: "BudgetRow") -> str:
    budget = row.budget
    text = f"{budget.scope.kind} {budget.scope.value}"
    if budget.provider is not None:
        text += f" at {budget.provider}"
    if budget.each is None:
        return text
    each = budget.each.replace("_", " ")
    return f"{text}, each {each}: {'none yet' if row.who is None else row.who or '(none)'}"


def _window(row: "BudgetRow") -> tuple[str, str, str]:
    """The kind of the window with its time zone, and by the clocks of that when it began and when it is over."""
    from gateway.ledger.period import wall_text  # noqa: PLC0415 - see above

    span, zone = row.span, row.budget.window.zone
    kind = row.budget.window.kind if zone == "UTC" else f"{row.budget.window.kind} ({zone})"
    never = "never" if row.budget.window.kind == "total" else "when told"
    begins = "ever" if span.end is None and span.start == 0 else wall_text(span.start, zone)
    return kind, begins, never if span.end is None else wall_text(span.end, zone)
