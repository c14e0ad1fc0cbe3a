"""`gateway keys`: minting, rotating and hashing virtual keys. Secrets go to standard output, once."""

import json
import sys
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway import clock
from gateway.cli.groups import Commands
from gateway.cli.options import ControlPlaneUrl, Database, Token
from gateway.cli.output import Format, results, say
from gateway.cli.process_settings import read_pepper
from gateway.cli.target import is_named, target
from gateway.duration import parse_duration
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash
from gateway.keys.mint import mint as mint_secret
from gateway.keys.virtual_key import environment_of

_MAY_CALL: Final = "nothing of its own limits it, and it may call every provider and model until it is told otherwise"

app: Final = Commands(
    "keys", "Mint, rotate and hash virtual keys. The file holds hashes only; the pepper is GATEWAY_KEY_PEPPER."
)


class Environment(StrEnum):
    """What a key is for."""

    LIVE = "live"
    TEST = "test"


@app.command("mint", epilog="Example: gateway keys mint dev-migration --write gateway.yaml")
def mint(
    name: Annotated[str, typer.Argument(help="The name of the key in the file.")],
    environment: Annotated[Environment, typer.Option(help="live or test.")] = Environment.LIVE,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
    write: Annotated[Path | None, typer.Option("--write", help="Put the hash into this file, comments kept.")] = None,
    new: Annotated[
        bool, typer.Option("--new", help="With --write: add the key even where its name is close to another's.")
    ] = False,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
) -> None:
    """Make a new secret, print it once, and print the hash to commit; or make a key in a control plane."""
    _refuse_both(write, control_plane, database)
    if write is None and is_named(control_plane, database):
        with target(control_plane, database, token) as home:
            told = home.mint(name, {"environment": environment.value})
        _print(output, name, told["secret"], told["secret_hash"], {}, "the control plane")
        say(f"{name} is new: {_MAY_CALL}", "yellow")
        return
    secret, digest = _new(environment.value)
    is_new = write is not None and _add(write, name, digest, environment.value, may_be_new=new)
    _print(output, name, secret, digest, {"secret_hash": digest}, write)
    if is_new:
        say(f"{name} is new in {write}: {_MAY_CALL}", "yellow")


@app.command("rotate", epilog="Example: gateway keys rotate dev-migration --write gateway.yaml --grace 24h")
def rotate(
    name: Annotated[str, typer.Argument(help="The name of the key in the file.")],
    write: Annotated[
        Path | None, typer.Option("--write", help="The file that has the key. Without it, the lines are printed.")
    ] = None,
    grace: Annotated[str, typer.Option(help="How long the old secret still works: 30m, 24h, 7d.")] = "24h",
    environment: Annotated[
        Environment,
        typer.Option(help="live or test; with --write, the file says which, unless it has people alone."),
    ] = Environment.LIVE,
    control_plane: ControlPlaneUrl = None,
    database: Database = None,
    token: Token = None,
    output: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT,
) -> None:
    """Give a key a new secret; the old one works on for a while. In a file, or in a control plane."""
    try:
        until = clock.utc_now().replace(microsecond=0) + parse_duration(grace)
    except (ValueError, OverflowError) as error:
        say(f"error: --grace: {error}", "red")
        raise typer.Exit(1) from None
    _refuse_both(write, control_plane, database)
    if write is None and is_named(control_plane, database):
        _rotate_there(name, parse_duration(grace), (control_plane, database, token), output)
        return
    secret, digest = _new(environment.value) if write is None else _rotate(write, name, until, environment.value)
    ends = until.isoformat().replace("+00:00", "Z")
    _print(output, name, secret, digest, {"previous_secret_expires_at": ends}, write)
    if write is None and output is Format.TEXT:
        results.out(f"previous_secret_expires_at: '{ends}'")
        say("Move the hash that stands there now to previous_secret_hash.")


@app.command("hash", epilog="Example: gateway keys hash < secret.txt")
def hash_secret() -> None:
    """Print the hash of a secret read from standard input (or typed unseen on a terminal)."""
    secret = typer.prompt("Virtual key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    secret = secret.strip()
    environment = environment_of(secret)
    if environment is None:
        say("error: that is not a virtual key: lw_vk_{live|test}_ and 26 characters", "red")
        raise typer.Exit(1)
    results.out(format_hash(_pepper(environment).digest(secret)))


def _new(environment: str) -> tuple[str, str]:
    pepper = _pepper(environment)
    secret = mint_secret(environment).reveal()
    return secret, format_hash(pepper.digest(secret))


def _pepper(environment: str) -> Pepper:
    pepper = read_pepper()
    if pepper is not None:
        return pepper
    if environment == "live":
        say(
            "error: live keys are hashed under a pepper of your own: set GATEWAY_KEY_PEPPER to the value that the "
            "gateway runs with, or make a key for tests with --environment test",
            "red",
        )
        raise typer.Exit(1)
    say("note: GATEWAY_KEY_PEPPER is not set; hashed under the public development pepper", "yellow")
    return Pepper(DEVELOPMENT_PEPPER)


def _add(file: Path, name: str, digest: str, environment: str, *, may_be_new: bool) -> bool:
    """Whether the key is a new one."""
    from gateway.config.edit import EditError, add_key  # noqa: PLC0415 - the other commands should not wait for it

    try:
        return add_key(file, name, digest, environment, may_be_new=may_be_new)
    except EditError as error:
        say(f"error: {error}", "red")
        raise typer.Exit(1) from None


def _rotate(file: Path, name: str, until: datetime, otherwise: str) -> tuple[str, str]:
    from gateway.config.edit import EditError, rotate_key  # noqa: PLC0415 - the other commands should not wait for it

    made: list[tuple[str, str]] = []

    def renew(environment: str) -> str:
        if not environment:
            say(f"note: {file} does not say the environment of {name}: the new secret is a {otherwise} one", "yellow")
        made.append(_new(environment or otherwise))
        return made[0][1]

    try:
        rotate_key(file, name, renew, until)
    except EditError as error:
        say(f"error: {error}", "red")
        raise typer.Exit(1) from None
    return made[0]


def _refuse_both(write: Path | None, control_plane: str | None, database: str | None) -> None:
    if write is not None and (control_plane is not None or database is not None):
        say("error: a key is in a file or in a control plane: give --write, or --control-plane or --database", "red")
        raise typer.Exit(1)


def _rotate_there(
    name: str, grace: timedelta, where: tuple[str | None, str | None, str | None], output: Format
) -> None:
    with target(*where) as home:
        told = home.verb(name, "rotate", {"grace_s": int(grace.total_seconds())})
    if output is Format.JSON:
        results.out(json.dumps(told))
        return
    results.out(told["secret"])
    say("This is the only time that the secret is shown.")
    ends = told["rotation_ends_at"]
    say(f"The one before it {'is refused from now on' if ends is None else f'works until {ends}'}.")


def _stands_at(written: Path | str, name: str) -> str:
    from gateway.config.edit import stands_at  # noqa: PLC0415 - the other commands should not wait for it

    return stands_at(written, name) if isinstance(written, Path) else f"virtual_keys.{name}"


def _print(form: Format, name: str, secret: str, digest: str, more: dict[str, str], written: Path | str | None) -> None:
    if form is Format.JSON:
        results.out(json.dumps({"name": name, "secret": secret, "secret_hash": digest, **more}))
        return
    results.out(secret)
    say("This is the only time that the secret is shown.")
    if written is not None:
        say(f"The hash stands in {written}, under {_stands_at(written, name)}.")
    else:
        say("Commit its hash:")
        results.out(f"secret_hash: {digest}")
