"""`gateway db`: preparing the database."""

import json
from typing import Annotated, Final

import typer

from gateway.cli.database import database, with_flag
from gateway.cli.groups import Commands
from gateway.cli.options import OwnDatabase
from gateway.cli.output import Format, results, say

app: Final = Commands("db", "Prepare the database of the ledger and of the control plane.")


@app.command("upgrade", epilog="Example: gateway db upgrade --database postgresql://gateway@db.example/gateway")
def upgrade(
    url: OwnDatabase = None,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
) -> None:
    """Bring the database to the revision that this gateway works with; an SQLite file is made where there is none.

    All of it is one transaction. Several processes may try at once: one does it, the others wait.
    """
    from gateway.storage.engine import describe_url  # noqa: PLC0415 - `gateway version` should not wait for SQLAlchemy
    from gateway.storage.migrate import current_revision, head_revision  # noqa: PLC0415
    from gateway.storage.migrate import upgrade as run  # noqa: PLC0415

    with database(url, prepared=False) as engine:
        before = current_revision(engine)
        changed = run(engine)
        place = describe_url(engine.url)
    head = head_revision()
    if output is Format.JSON:
        results.out(json.dumps({"database": place, "from": before, "to": head, "changed": changed}))
    elif changed:
        results.out(f"{place}: upgraded from {'an empty database' if before is None else before} to {head}")
    else:
        results.out(f"{place}: nothing to do, it has revision {head}")


@app.command("status", epilog="Example: gateway db status --format json\n\nExit codes: 0 up to date, 1 not.")
def status(
    url: OwnDatabase = None,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
) -> None:
    """Say which revision the database has, and whether this gateway can work with it. Changes nothing."""
    from gateway.storage.engine import StorageError, describe_url  # noqa: PLC0415 - see above
    from gateway.storage.migrate import current_revision, head_revision  # noqa: PLC0415
    from gateway.storage.ready import check_ready, is_missing  # noqa: PLC0415

    with database(url, prepared=False) as engine:
        place = describe_url(engine.url)
        current = None if is_missing(engine) else current_revision(engine)
        problem = None
        try:
            check_ready(engine)
        except StorageError as error:
            problem = with_flag(str(error), url)
    if output is Format.JSON:
        facts = {"database": place, "revision": current, "expected": head_revision(), "problem": problem}
        results.out(json.dumps(facts))
    elif problem is None:
        results.out(f"{place}: revision {current}, up to date")
    else:
        say(problem, "yellow")
    raise typer.Exit(0 if problem is None else 1)
