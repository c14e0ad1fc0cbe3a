"""`gateway spend`: who spent what on what."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ConfigPaths, ControlPlaneUrl, Database, PatchPaths, Token, paths_of
from gateway.cli.output import print_json, results, say
from gateway.cli.target import ask_ledger

if TYPE_CHECKING:
    from gateway.ledger.report import SpendReport

app: Final = Commands()

EPILOG = (
    "Example: gateway spend --by team,model --from last-month --format csv\n\n"
    "A period is written as 2026-11-24, 2026-11, 2026-11-24T13:00:00Z, 7d, today, yesterday, this-month or "
    "last-month; a date in --to is part of the period, a moment is not."
)


class TableFormat(StrEnum):
    """For people, for spreadsheets or for machines."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class PricesAt(StrEnum):
    """Of when prices count: of each request's own time, or of today."""

    REQUEST = "request"
    NOW = "now"


Filter = str | None
From = Annotated[str | None, typer.Option("--from", help="Where the period begins. Default: this-month")]
To = Annotated[str | None, typer.Option("--to", help="Where it ends. Default: now, or the end of the month named.")]
OfKey = Annotated[Filter, typer.Option(help="Only this virtual key.")]
OfProject = Annotated[Filter, typer.Option(help="Only this project.")]
OfTeam = Annotated[Filter, typer.Option(help="Only this team; '' for requests of none.")]
OfProvider = Annotated[Filter, typer.Option(help="Only this provider.")]
OfModel = Annotated[Filter, typer.Option(help="Only this model, as the provider was asked for it.")]


@app.command("spend", epilog=EPILOG)
def spend(
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="What to keep apart: virtual_key, principal, project, team, organization, provider, model, day, hour, "
            "tag, end_user, served_model, service_tier; repeatable, or with commas. Default: team"
        ),
    ] = None,
    from_: From = None,
    to: To = None,
    timezone: Annotated[str | None, typer.Option(help="The time zone of dates, months and days. Default: UTC")] = None,
    key: OfKey = None,
    principal: Annotated[Filter, typer.Option(help="Only this principal.")] = None,
    project: OfProject = None,
    team: OfTeam = None,
    organization: Annotated[Filter, typer.Option(help="Only this organization.")] = None,
    provider: OfProvider = None,
    model: OfModel = None,
    end_user: Annotated[Filter, typer.Option(help="Only this end user.")] = None,
    sort: Annotated[
        str | None, typer.Option(help="cost, requests or name. Default: cost, and name by day or hour")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Rows at most; the total is of all. Default: 100")] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Beside what was charged, what it would cost at the file's prices.")
    ] = False,
    prices_at: Annotated[
        PricesAt,
        typer.Option(help="With --recompute: the prices of each request's own time (request), or of today (now)."),
    ] = PricesAt.NOW,
    config: ConfigPaths = None,
    patch: PatchPaths = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table, csv or json.")] = TableFormat.TABLE,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Report what was spent: requests, tokens and exact cost, from the ledger.

    A control plane is asked where one is named, else the database. --config is read with --recompute alone.
    csv and json carry whole nano-USD (billionths of a US dollar) beside exact US dollars.
    """
    from gateway import clock  # noqa: PLC0415 - `gateway version` should not wait for what only reports need
    from gateway.ledger import report as reports  # noqa: PLC0415
    from gateway.ledger.period import BadParameterError  # noqa: PLC0415

    given = {
        "from": from_,
        "to": to,
        "timezone": timezone,
        "key": key,
        "principal": principal,
        "project": project,
        "team": team,
        "organization": organization,
        "provider": provider,
        "model": model,
        "end_user": end_user,
        "sort": sort,
        "limit": None if limit is None else str(limit),
    }
    parameters = {name: [value] for name, value in given.items() if value is not None} | {"by": by or []}
    try:
        question = reports.read_question(parameters, clock.utc_now())
        if recompute:
            from gateway.cli import recompute as recomputing  # noqa: PLC0415 - see above

            if control_plane is not None:
                raise failed("--recompute reads the ledger itself: give --database")
            recomputing.show(question, paths_of(config, patch), prices_at.value, output.value, database)
            return
        told = ask_ledger(
            (control_plane, database, token),
            "/spend",
            parameters,
            lambda connection: reports.document(reports.spend_report(connection, question)),
        )
    except BadParameterError as error:
        raise failed(f"--{error.parameter.replace('_', '-')}: {error}") from None
    report = reports.read_document(question, told)
    if output is TableFormat.JSON:
        print_json(told)
    elif output is TableFormat.CSV:
        results.out(reports.csv_text(report), end="")
    else:
        _print(report)


def _print(report: "SpendReport") -> None:
    from gateway.cli.tables import bar, cell, exact_usd, new_table, print_table  # noqa: PLC0415 - see above
    from gateway.ledger.period import moment_text  # noqa: PLC0415
    from gateway.ledger.report import further_kinds  # noqa: PLC0415

    question, rows, total = report.question, report.rows, report.total
    period = question.period
    begins, ends = (moment_text(moment, period.zone) for moment in (period.start, period.end))
    results.print(Text(f"{begins} to {ends}" + (f" ({period.zone})" if period.zone != "UTC" else ""), style="bold"))
    if not rows:
        results.print(Text("No requests in this period."))
        return
    *costs, total_cost = exact_usd([row.cost_nano_usd for row in (*rows, total)])
    measured = [row.requests if question.sort == "requests" else row.cost_nano_usd for row in rows]
    table = new_table()
    for dimension in question.by:
        table.add_column(dimension.replace("_", " "))
    for name in ("requests", "input tokens", "output tokens", "cost (USD)"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for row, cost, share in zip(rows, costs, measured, strict=True):
        names = [cell(name) if name else cell("(none)", "dim") for name in row.group]
        usage = row.usage
        figures = (f"{row.requests:,}", f"{usage.input_tokens:,}", f"{usage.output_tokens:,}", cost)
        table.add_row(*names, *figures, bar(share, max(measured)))
    table.add_section()
    figures = (f"{total.requests:,}", f"{total.usage.input_tokens:,}", f"{total.usage.output_tokens:,}", total_cost)
    table.add_row("total", *[""] * (len(question.by) - 1), *figures, "", style="bold")
    print_table(table)
    if further := total.usage.further:
        told = (f"{further[kind]:,} {kind.replace('_', ' ')}" for kind in further_kinds([total]))
        results.print(Text(f"besides: {', '.join(told)}"))
    if report.pruned_told is not None:
        say(report.pruned_told)
    if report.unpriced_told is not None:
        say(f"{report.unpriced_told} `gateway report unpriced` lists them.", "yellow")
    if report.left_out:
        say(f"Rows in the total that are not shown: {report.left_out}; see --limit.")
