"""`gateway status` and `gateway audit`: which gateways serve what, and who changed what."""

import json
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from gateway import clock
from gateway.cli.groups import Commands
from gateway.cli.options import ControlPlaneUrl, Database, Token
from gateway.cli.output import Format, results, say
from gateway.cli.tables import print_rows, since
from gateway.cli.target import target
from gateway.plan.words import count

app: Final = Commands()

STATUS_EPILOG = (
    "Example: gateway status --control-plane https://control-plane.example.com\n\n"
    "Exit codes: 0 every gateway serves the newest revision, 1 one does not, or the question cannot be answered."
)
_NOT_KEPT: Final = "(not kept)"
_COLUMNS: Final = (
    "gateway",
    "state",
    "serves",
    "since",
    "lag",
    "reported",
    "refused",
    "because",
    "keys of",
    "open circuits",
)
HISTORY_EPILOG = "Example: gateway history --control-plane https://control-plane.example.com --limit 5"
AUDIT_EPILOG = "Example: gateway audit --address virtual_keys.dev-migration --database default"

Output = Annotated[Format, typer.Option("--format", help="text or json.")]


@app.command("status", epilog=STATUS_EPILOG)
def status(
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    output: Output = Format.TEXT,
) -> None:
    """List every gateway that follows the control plane: what it serves, since when, and what it refused."""
    with target(control_plane, database, token) as home:
        found = home.get("/nodes")
    nodes = found["nodes"]
    if output is Format.JSON:
        results.out(json.dumps(found, indent=2))
    else:
        have, now = "has" if len(nodes) == 1 else "have", clock.microseconds()
        say(f"The control plane is at revision {found['revision']}; {count(len(nodes), 'gateway')} {have} reported.")
        print_rows(list(_COLUMNS), [_row(one, now) for one in nodes])
        for one in found.get("tokens_ending", ()):
            say(f"warning: the token {one['name']} ({one['scope']}) ends at {one['expires_at']}", "yellow")
    raise typer.Exit(0 if all(one["state"] == "current" for one in nodes) else 1)


@app.command("audit", epilog=AUDIT_EPILOG)
def audit(
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    address: Annotated[str | None, typer.Option(help="Only this resource: KIND.NAME.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this token or user did.")] = None,
    limit: Annotated[int, typer.Option(help="How many entries, newest first.", min=1, max=1000)] = 50,
    output: Output = Format.TEXT,
) -> None:
    """Print who changed what in a control plane, newest first, without secrets."""
    wanted = {"address": address, "actor": actor, "limit": str(limit)}
    with target(control_plane, database, token) as home:
        entries = home.get("/audit", {name: value for name, value in wanted.items() if value is not None})["entries"]
    if output is Format.JSON:
        results.out(json.dumps(entries, indent=2))
        return
    columns = ("actor", "action", "address", "revision", "request_id")
    rows = [[_to_the_second(one["at"]), *(str(one[name]) for name in columns)] for one in entries]
    print_rows(["at", *columns], rows)


@app.command("history", epilog=HISTORY_EPILOG)
def history(
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    limit: Annotated[int, typer.Option(help="How many revisions, newest first.", min=1, max=200)] = 20,
    output: Output = Format.TEXT,
) -> None:
    """Print the revisions of a control plane, newest first; `gateway plan --to-revision N` leads back to one."""
    with target(control_plane, database, token) as home:
        found = home.get("/revisions", {"limit": str(limit)})
    if output is Format.JSON:
        results.out(json.dumps(found, indent=2))
        return
    columns = ("owner", "commit")
    rows = [
        [
            str(one["revision"]),
            _to_the_second(one["made_at"]),
            one["actor"] or _NOT_KEPT,
            *(one[name] or "" for name in columns),
            _what(one),
        ]
        for one in found["revisions"]
    ]
    print_rows(["revision", "at", "actor", *columns, "what"], rows)
    if any(not one["changes"] for one in found["revisions"]):
        oldest = found["oldest"]
        say(f"What revisions up to {oldest} did is not kept; those of before an upgrade do not say who made them.")


def _what(revision: dict[str, Any]) -> str:
    changes = revision["changes"]
    if revision["address"] is not None:
        return f"{next(iter(changes))} {revision['address']}"
    return ", ".join(count(number, action) for action, number in changes.items()) or _NOT_KEPT


def _to_the_second(written: str) -> str:
    return f"{datetime.fromisoformat(written):%Y-%m-%dT%H:%M:%SZ}"


def _row(node: dict[str, Any], now: int) -> list[str]:
    lag = "" if node["lag_ms"] is None else f"{node['lag_ms'] / 1000:.1f} s"
    refused = "" if node["rejected_revision"] is None else str(node["rejected_revision"])
    because = (node["rejected_because"] or "").partition("\n")[0]
    keys = "" if node["rejected_revision"] is None else str(node["keys_revision"] or node["serving_revision"])
    circuits = ", ".join(node["open_circuits"])
    serves = str(node["serving_revision"])
    return [
        node["node"],
        node["state"],
        serves,
        since(node["serving_since"], now),
        lag,
        since(node["reported_at"], now),
        refused,
        because,
        keys,
        circuits,
    ]
