"""`gateway tokens`: who may call the control plane's API."""

import json
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gateway import clock
from gateway.cli.database import database, failed
from gateway.cli.groups import Commands
from gateway.cli.options import OwnDatabase
from gateway.cli.output import Format, results, say
from gateway.cli.target import user_of_this_machine
from gateway.duration import parse_duration

if TYPE_CHECKING:
    from gateway.control_plane.audit import Actor
    from gateway.control_plane.tokens import Token

app: Final = Commands(
    "tokens", "Make, list and revoke tokens of the control plane's API. The database keeps their digests only."
)


class ScopeName(StrEnum):
    """What a token may do."""

    GATEWAY = "gateway"
    VIEW = "view"
    PLAN = "plan"
    APPLY = "apply"
    ADMIN = "admin"


@app.command(
    "create", epilog="Example: gateway tokens create --scope apply --owner data-science --name data-science-ci"
)
def create(
    name: Annotated[str, typer.Option(help="What the token is for; it stands in lists.")],
    scope: Annotated[
        ScopeName,
        typer.Option(help="view, plan, apply or admin, each with those before it; gateway for `gateway serve`."),
    ],
    owner: Annotated[
        list[str] | None,
        typer.Option(
            help="Binds it: it reads and changes what is this owner's alone. Repeatable. Default: everybody's"
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(help="After how long it ends: 24h, 30d. Default: 90d; of the scope gateway, never"),
    ] = None,
    no_expiry: Annotated[bool, typer.Option("--no-expiry", help="It never ends.")] = False,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
    url: OwnDatabase = None,
) -> None:
    """Make a token and print it once."""
    from gateway.control_plane import tokens  # noqa: PLC0415 - `gateway version` should not wait for SQLAlchemy
    from gateway.storage.engine import writing  # noqa: PLC0415

    now = _now()
    ends = _expiry(now, expires, never=no_expiry or (scope is ScopeName.GATEWAY and expires is None))
    with database(url) as engine:
        try:
            with writing(engine) as connection:
                token, secret = tokens.create(
                    connection, name, tokens.Scope(scope), now=now, expires_at=ends, owners=owner or (), by=_actor()
                )
        except tokens.TokenError as error:
            raise failed(str(error)) from None
    if output is Format.JSON:
        results.out(json.dumps({"token": secret.reveal(), **_facts(token, now)}))
        return
    results.out(secret.reveal())
    say("This is the only time that the token is shown. Send it as `Authorization: Bearer TOKEN`.")
    bound = f"bound to {', '.join(token.owners)}, " if token.owners is not None else ""
    say(f"{token.id}: {token.name}, scope {token.scope}, {bound}{_until(token)}")


@app.command("list", epilog="Example: gateway tokens list --format json")
def list_tokens(
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
    url: OwnDatabase = None,
) -> None:
    """List every token, the ended ones too, without their secrets."""
    from gateway.cli.tables import cell, new_table, print_table  # noqa: PLC0415 - see above
    from gateway.control_plane import tokens  # noqa: PLC0415

    now = _now()
    with database(url) as engine, engine.connect() as connection:
        found = tokens.all_tokens(connection)
    if output is Format.JSON:
        results.out(json.dumps([_facts(token, now) for token in found]))
        return
    table = new_table()
    for name in ("id", "name", "scope", "owners", "state", "expires", "last used"):
        table.add_column(name)
    for token in found:
        moments = (token.expires_at, token.last_used_at)
        shown = ("never" if moment is None else _text(moment) for moment in moments)
        owners = "every" if token.owners is None else ", ".join(token.owners)
        table.add_row(*map(cell, (token.id, token.name, token.scope, owners, token.state(now), *shown)))
    print_table(table)


@app.command("revoke", epilog="Example: gateway tokens revoke ci")
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, or its name: all tokens of the name.")],
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
    url: OwnDatabase = None,
) -> None:
    """End a token at once."""
    from gateway.control_plane import tokens  # noqa: PLC0415 - see above
    from gateway.storage.engine import writing  # noqa: PLC0415

    now = _now()
    with database(url) as engine:
        try:
            with writing(engine) as connection:
                ended = tokens.revoke(connection, token, now=now, by=_actor())
        except tokens.TokenError as error:
            raise failed(str(error)) from None
    if output is Format.JSON:
        results.out(json.dumps([_facts(one, now) for one in ended]))
    elif not ended:
        results.out(f"{token} was revoked before; nothing to do")
    for one in ended if output is Format.TEXT else ():
        results.out(f"revoked {one.id} ({one.name})")


def _now() -> int:
    return int(clock.now() * 1_000_000)


def _actor() -> "Actor":
    from gateway.control_plane.audit import Actor  # noqa: PLC0415 - see above

    return Actor(user_of_this_machine())


def _expiry(now: int, text: str | None, *, never: bool) -> int | None:
    from gateway.control_plane.tokens import LASTS_US  # noqa: PLC0415 - see above

    if never and text is not None:
        raise failed("give --expires or --no-expiry, not both")
    if never:
        return None
    if text is None:
        return now + LASTS_US
    try:
        lasts = parse_duration(text)
    except ValueError as error:
        raise failed(f"--expires: {error}") from None
    if lasts <= timedelta(0):
        raise failed("--expires: a token lasts longer than no time at all")
    return now + lasts // timedelta(microseconds=1)


def _until(token: "Token") -> str:
    return "never expires" if token.ends is None else f"expires {token.ends}"


def _facts(token: "Token", now: int) -> dict[str, Any]:
    moments = {name: getattr(token, name) for name in ("created_at", "expires_at", "last_used_at", "revoked_at")}
    texts = {name: None if moment is None else _text(moment) for name, moment in moments.items()}
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "owners": token.owners,
        "state": token.state(now),
        **texts,
    }


def _text(moment: int) -> str:
    return clock.iso_of_microseconds(moment)[:19] + "Z"
