"""`gateway budgets`: where every budget stands."""

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, ControlPlaneUrl, Database, PatchPaths, Token, paths_of, with_patches
from gateway.cli.output import print_json, results, say
from gateway.cli.process_settings import read_settings
from gateway.cli.spend import TableFormat

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.money.budget import CompiledBudget

app: Final = Commands()

EPILOG = (
    "Example: gateway budgets -c gateway.yaml --format json\n\n"
    "States: ok, warning from 80 % of the limit, exceeded when it is reached."
)

_COLORS = {"ok": "green", "warning": "yellow", "exceeded": "red"}


@app.command("budgets", epilog=EPILOG)
def budgets(
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    limit: Annotated[int, typer.Option(help="Counters of a budget with `each`, busiest first.", min=1, max=1000)] = 20,
    output: Annotated[TableFormat, typer.Option("--format", help="table, csv or json.")] = TableFormat.TABLE,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Show each budget in its present window: limit, spent by the ledger, reserved by requests under way, state.

    Budgets are those of a control plane that is named, or of --config; else those that were applied to the database;
    else those of ./gateway.yaml. A budget with `each` has one row for everyone who was charged in the window. Reserved
    is what serving processes reported in the last 10 seconds, `-` where none did.
    """
    from gateway.cli.target import ask_ledger, is_over_http  # noqa: PLC0415 - help should not wait for it

    if config is not None and control_plane is not None:
        raise failed("a control plane has budgets of its own: give --config or --control-plane")
    if config is not None and database is None:
        # Files that are named are compared with a ledger, whatever control plane the settings name.
        database = "default"
    files = config or (() if is_over_http(control_plane, database) else read_settings().config)
    files = with_patches(files, patch) if files else ()
    budgets = budgets_of_files(files) if files else None
    told = ask_ledger(
        (control_plane, database, token),
        "/budgets",
        {"limit": [str(limit)]},
        lambda connection: _told(connection, budgets, limit),
    )
    rows = told["budgets"]
    if output is TableFormat.JSON:
        print_json(told)
    elif output is TableFormat.CSV:
        _write_csv(rows)
    else:
        _print(rows)
    for name, left_out in told["counters_left_out"].items():
        say(f"Counters of {name} that are not shown: {left_out}; see --limit.")
    if told["silent_nodes"]:
        silent = ", ".join(told["silent_nodes"])
        say(f"Not heard of for 10 seconds, so what they reserve is left out: {silent}", "yellow")
    for problem in told.get("diagnostics", ()):
        say(f"The control plane cannot read its files any more: {problem}", "yellow")


def _told(connection: "Connection", budgets: "Sequence[CompiledBudget] | None", limit: int) -> dict[str, Any]:
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.control_plane.known_budgets import applied_budgets  # noqa: PLC0415
    from gateway.ledger.budget_report import budget_report, document  # noqa: PLC0415

    if budgets is None:
        applied = applied_budgets(connection)
        budgets = budgets_of_files(paths_of(None)) if applied is None else applied.budgets
    return document(budget_report(connection, budgets, now=clock.now(), limit=limit))


def budgets_of_files(paths: Sequence[Path]) -> tuple["CompiledBudget", ...]:
    """The budgets of a configuration; ends the command where it is not valid."""
    from gateway.cli.prices import load_config  # noqa: PLC0415 - see above
    from gateway.config.resources import identities_of_moved  # noqa: PLC0415
    from gateway.snapshot.budgets import compile_budgets  # noqa: PLC0415

    config = load_config(paths)
    return compile_budgets(config.budgets, identities_of_moved(config))


def _write_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    from gateway.ledger.report import inert  # noqa: PLC0415 - see above

    writer = None
    for row in rows:
        facts = dict(row)
        ((kind, value),) = facts.pop("scope").items()
        line = {"budget": facts.pop("budget"), "scope": kind, "name": value, **facts}
        if writer is None:
            writer = csv.DictWriter(results.file, list(line))
            writer.writeheader()
        writer.writerow({name: inert(one) if isinstance(one, str) else one for name, one in line.items()})


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    from gateway.cli.tables import bar, cell, new_table, print_table  # noqa: PLC0415 - see above

    if not rows:
        results.print(Text("The configuration has no budgets."))
        return
    limits, spent, held = (_amounts(rows, name) for name in ("limit", "spent", "reserved"))
    is_money = all(row["unit"] == "usd" for row in rows)
    table = new_table()
    for name in ("budget", "scope", "window", "since", "resets at"):
        table.add_column(name)
    for name in ("limit (USD)" if is_money else "limit", "spent", "reserved", "%"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("", "state"):
        table.add_column(name)
    for row, *(limit, used, reserved) in zip(rows, limits, spent, held, strict=True):
        color = _COLORS[row["state"]]
        table.add_row(
            cell(row["budget"]),
            cell(_scope(row)),
            *map(cell, _window(row)),
            limit,
            used,
            "-" if row["reserved"] is None else reserved,
            f"{row['percent']:,}",
            bar(row["spent"], row["limit"], color),
            cell(row["state"], color),
        )
    print_table(table)


def _amounts(rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """A column: US dollars one below the other, and where some count something else, each with what it is."""
    from gateway.cli.tables import exact_usd  # noqa: PLC0415 - see above
    from gateway.money.budget import amount_shown  # noqa: PLC0415

    if all(row["unit"] == "usd" for row in rows):
        return exact_usd([row[name] or 0 for row in rows])
    return [amount_shown(row["unit"], row[name] or 0) for row in rows]


def _scope(row: Mapping[str, Any]) -> str:
    ((kind, value),) = row["scope"].items()
    text = f"{kind} {value}"
    if row["provider"] is not None:
        text += f" at {row['provider']}"
    text += "".join(f", {name} {row[name]}" for name in ("model", "endpoint") if row[name] is not None)
    if row["each"] is None:
        return text
    each = row["each"].replace("_", " ")
    return f"{text}, each {each}: {'none yet' if row['who'] is None else row['who'] or '(none)'}"


def _window(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The kind of the window with its time zone, and by the clocks of that when it began and when it is over."""
    from gateway.ledger.period import wall_text  # noqa: PLC0415 - see above

    zone, start = row["timezone"], datetime.fromisoformat(row["starts_at"]).timestamp()
    kind = row["window"] if zone == "UTC" else f"{row['window']} ({zone})"
    begins = "ever" if row["resets_at"] is None and start == 0 else wall_text(int(start), zone)
    if row["resets_at"] is None:
        return kind, begins, "never" if row["window"] == "total" else "when told"
    return kind, begins, wall_text(int(datetime.fromisoformat(row["resets_at"]).timestamp()), zone)
