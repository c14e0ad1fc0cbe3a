"""`gateway report`: what a fleet did, asked of the ledger."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.options import ControlPlaneUrl, Database, Token
from gateway.cli.output import print_json, results, say
from gateway.cli.spend import From, OfKey, OfModel, OfProject, OfProvider, OfTeam, TableFormat, To
from gateway.cli.target import ask_ledger

if TYPE_CHECKING:
    from gateway.ledger.unpriced import Unpriced
    from gateway.ledger.warned import WarnedRequests

app: Final = Commands("report", "Reports from the ledger, besides spend and budgets.")
_SHOWN_MODELS: Final = 3
Timezone = Annotated[str | None, typer.Option(help="The time zone of dates and months. Default: UTC")]
Format = Annotated[TableFormat, typer.Option("--format", help="table, csv or json.")]


@app.command("unpriced", epilog="Example: gateway report unpriced --from last-month --format csv")
def unpriced(
    from_: From = None,
    to: To = None,
    timezone: Timezone = None,
    key: OfKey = None,
    team: OfTeam = None,
    project: OfProject = None,
    provider: OfProvider = None,
    model: OfModel = None,
    output: Format = TableFormat.TABLE,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """List every model that was used without a price, wholly or in part, and what budgets refused for want of one.

    What such requests cost is in no sum and in no budget.
    """
    from gateway.ledger import unpriced as reports  # noqa: PLC0415 - `gateway version` should not wait for it

    given = _parameters(from_, to, timezone, key=key, team=team, project=project, provider=provider, model=model)
    home = (control_plane, database, token)
    found = _report(reports, reports.unpriced, ("/spend/unpriced", "models"), given, home, output)
    if found is not None:
        _print(found)


@app.command("warnings", epilog="Example: gateway report warnings --from 7d --key ci")
def warnings(
    from_: From = None,
    to: To = None,
    timezone: Timezone = None,
    key: OfKey = None,
    team: OfTeam = None,
    project: OfProject = None,
    provider: OfProvider = None,
    model: OfModel = None,
    output: Format = TableFormat.TABLE,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """List what rules and limits with `mode: warn` would have refused if they were enforced, by key and rule."""
    from gateway.ledger import warned as reports  # noqa: PLC0415 - see above

    given = _parameters(from_, to, timezone, key=key, team=team, project=project, provider=provider, model=model)
    home = (control_plane, database, token)
    found = _report(reports, reports.warned_requests, ("/warnings", "warnings"), given, home, output)
    if found is not None:
        _print_warnings(found)


def _report(
    reports: Any,
    find: Callable[..., Any],
    answered: tuple[str, str],
    given: dict[str, list[str]],
    home: tuple[str | None, str | None, str | None],
    output: TableFormat,
) -> Any:
    """The rows of a report for people to read; `None` where machines have been told already.

    Args:
        reports: The module that knows the report.
        find: Its question to a ledger.
        answered: Where a control plane answers it, and as which member.
        given: What was asked for.
        home: The control plane, the database and the token that were named.
        output: In which form.
    """
    from gateway import clock  # noqa: PLC0415 - see above

    path, member = answered
    with _bad_parameters():
        question = reports.read_question(given, clock.utc_now())
        told = ask_ledger(home, path, given, lambda connection: {member: reports.document(find(connection, question))})[
            member
        ]
    if output is TableFormat.JSON:
        print_json(told)
        return None
    found = reports.read_document(told)
    if output is TableFormat.CSV:
        results.out(reports.csv_text(found), end="")
        return None
    return found


def _parameters(from_: str | None, to: str | None, timezone: str | None, **filters: str | None) -> dict[str, list[str]]:
    given = {"from": from_, "to": to, "timezone": timezone, **filters}
    return {name: [value] for name, value in given.items() if value is not None}


@contextmanager
def _bad_parameters() -> Iterator[None]:
    from gateway.ledger.period import BadParameterError  # noqa: PLC0415 - see above

    try:
        yield
    except BadParameterError as error:
        raise failed(f"--{error.parameter}: {error}") from None


def _print_warnings(found: Sequence["WarnedRequests"]) -> None:
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.cli.tables import cell, new_table, print_table  # noqa: PLC0415
    from gateway.money.nano_usd import shown  # noqa: PLC0415

    if not found:
        results.print(Text("Nothing that only warns would have refused a request in this period."))
        return
    table = new_table()
    for name in ("key", "rule"):
        table.add_column(name)
    for name in ("requests", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("models", "last"):
        table.add_column(name)
    for one in found:
        further = f", {len(one.models) - _SHOWN_MODELS} more" if len(one.models) > _SHOWN_MODELS else ""
        table.add_row(
            cell(one.virtual_key),
            cell(one.rule),
            f"{one.requests:,}",
            shown(one.cost_nano_usd),
            cell(", ".join(one.models[:_SHOWN_MODELS]) + further),
            clock.iso_of_microseconds(one.last_at)[:16],
        )
    print_table(table)
    say("They were answered. Enforced (`mode: enforce`, or no `mode`), the rule would have refused them.")


def _print(found: Sequence["Unpriced"]) -> None:
    from gateway import clock  # noqa: PLC0415 - see above
    from gateway.cli.tables import cell, new_table, print_table  # noqa: PLC0415

    if not found:
        results.print(Text("All that was used in this period has a price."))
        return
    table = new_table()
    for name in ("model", "without a price"):
        table.add_column(name)
    for name in ("requests", "refused", "input tokens", "output tokens", "last"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        what = ["all of it" if each == f"model {one.model}" else each for each in one.what]
        table.add_row(
            cell(f"{one.provider}/{one.model}"),
            cell(", ".join(what) or "nothing was used"),
            *(f"{count:,}" for count in (one.requests, one.refused, one.input_tokens, one.output_tokens)),
            clock.iso_of_microseconds(one.last_at)[:16],
        )
    print_table(table)
    say("State what these cost under `prices`, or take newer prices: gateway prices update --from FILE|URL.")
