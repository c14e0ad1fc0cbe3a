"""What happens in the life of a virtual key, in a file or in a control plane."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import clock
from gateway.cli.database import failed
from gateway.cli.keys import app
from gateway.cli.options import ControlPlaneUrl, Database, Token
from gateway.cli.output import Format, results, say
from gateway.cli.tables import print_rows, since
from gateway.cli.target import target
from gateway.plan.words import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.config.splice import Changes

Name = Annotated[str, typer.Argument(help="The name of the key.")]
_EXAMPLE = "Example: gateway keys {} --control-plane https://control-plane.example.com"
Write = Annotated[Path | None, typer.Option("--write", help="The file that has the key; comments are kept.")]


@app.command("list", epilog="Example: gateway keys list --database default")
def list_keys(
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    imported: Annotated[
        bool, typer.Option("--imported", help="Those alone that still go by another gateway's secret.")
    ] = False,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
) -> None:
    """List the keys of a control plane: state, end, last use, and whether a secret is another gateway's.

    What has such a secret and is used has to be rotated before it ends (`gateway keys rotate NAME`); what is not can
    be revoked.
    """
    found: list[dict[str, Any]] = []
    with target(control_plane, database, token) as home:
        after: str | None = ""
        while after is not None:
            page = home.get("/virtual-keys", {"limit": "1000", **({"after": after} if after else {})})
            found += page["virtual_keys"]
            after = page["next_after"]
    # A control plane of an older version tells nothing of it.
    found = [one for one in found if one.get("imported") or not imported]
    if output is Format.JSON:
        import json  # noqa: PLC0415 - only here

        results.out(json.dumps(found, indent=2))
        return
    columns = ("name", "owner", "environment", "state", "imported", "expires_at", "rotation_ends_at", "last_used_at")
    now = clock.microseconds()
    used = (
        {**one, "imported": "yes" if one.get("imported") else "", "last_used_at": since(one["last_used_at"], now)}
        for one in found
    )
    print_rows(
        [name.removesuffix("_at").replace("_", " ") for name in columns],
        [[str(one[name] or "") for name in columns] for one in used],
    )
    if imported:
        idle = sum(one["last_used_at"] is None for one in found)
        say(f"{count(len(found), 'key')} with another gateway's secret, {idle} of them not used.")


@app.command("disable", epilog=_EXAMPLE.format("disable dev-migration"))
def disable(
    name: Name,
    write: Write = None,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Refuse every request of a key until it is enabled again."""
    _set_state(name, "disabled", "disable", write, (control_plane, database, token))


@app.command("enable", epilog=_EXAMPLE.format("enable dev-migration"))
def enable(
    name: Name,
    write: Write = None,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Lift `disable`."""
    _set_state(name, "active", "enable", write, (control_plane, database, token))


@app.command("revoke", epilog=_EXAMPLE.format("revoke dev-migration"))
def revoke(
    name: Name,
    write: Write = None,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """End a key for good."""
    _set_state(name, "revoked", "revoke", write, (control_plane, database, token))


@app.command("expire", epilog=_EXAMPLE.format("expire dev-migration --at 2027-01-01T00:00:00Z"))
def expire(
    name: Name,
    at: Annotated[str | None, typer.Option(help="RFC 3339 with a zone; without it, the key does not expire.")] = None,
    write: Write = None,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Give a key an end, or take its end away."""
    from gateway.config.sections.base import moment  # noqa: PLC0415 - `gateway version` should not wait for it

    try:
        moment(at)
    except ValueError as error:
        raise failed(f"--at: {error}") from None
    if write is None:
        with target(control_plane, database, token) as home:
            home.verb(name, "expire", {"expires_at": at})
    else:
        _edit(write, name, lambda _: {"expires_at": at})
    say(f"{name} {'never expires' if at is None else f'expires at {at}'}.")


def _set_state(
    name: str, state: str, verb: str, write: Path | None, where: tuple[str | None, str | None, str | None]
) -> None:
    if write is None:
        with target(*where) as home:
            home.verb(name, verb)
    else:
        _edit(write, name, lambda key: _change_state(key, name, state))
    say(f"{name} is {state}.")


def _change_state(key: "Mapping[str, Any]", name: str, state: str) -> "Changes":
    if key.get("state") == "revoked" and state != "revoked":
        from gateway.config.edit import EditError  # noqa: PLC0415 - see above

        raise EditError(f"{name} is revoked, which is final: make a new key")
    return {"state": None if state == "active" else state}


def _edit(file: Path, name: str, change: Any) -> None:
    from gateway.config.edit import EditError, change_key  # noqa: PLC0415 - see above

    try:
        change_key(file, name, change)
    except EditError as error:
        raise failed(str(error)) from None


@app.command("purge", epilog=_EXAMPLE.format("purge dev-migration"))
def purge(name: Name, control_plane: ControlPlaneUrl = None, database: Database = None, token: Token = None) -> None:
    """Give up the secret of a key that is gone, which is kept for 30 days: nothing brings it back."""
    with target(control_plane, database, token) as home:
        home.verb(name, "purge")
    say(f"Nothing is kept of {name}: a key of this name gets another secret.", "green")
