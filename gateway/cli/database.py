"""The database that a command works on, and its failures as answers."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import typer

from gateway.cli.output import say
from gateway.cli.process_settings import read_settings
from gateway.private_files import tighten

if TYPE_CHECKING:
    from sqlalchemy import Engine


_VARIABLE: Final = "$GATEWAY_DATABASE_URL"
_UPGRADE: Final = "gateway db upgrade"


def database_url(written: str | None) -> str:
    """The URL of the flag, else of the settings; `default` means the settings too."""
    from gateway.storage.engine import default_database_url  # noqa: PLC0415 - others should not wait for SQLAlchemy

    settings = read_settings(database_url=None if written == "default" else written)
    configured = settings.database_url
    if configured is not None:
        return configured.get_secret_value()
    tighten(settings.data_dir)
    return default_database_url(settings.data_dir)


@contextmanager
def database(
    written: str | None, *, prepared: bool = True, upgrades_own: bool = False, may_be_missing: bool = False
) -> Iterator["Engine"]:
    """The engine for the length of a command; what fails ends the command with one line.

    `prepared` wants the database to be there and migrated; with `upgrades_own`, one of SQLite is made and migrated;
    with `may_be_missing` it may be an SQLite file that is not there, and nothing is made.
    """
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - see above

    from gateway.storage.engine import StorageError, describe_failure, open_engine  # noqa: PLC0415
    from gateway.storage.migrate import current_revision, head_revision, upgrade  # noqa: PLC0415
    from gateway.storage.ready import check_ready, is_missing  # noqa: PLC0415

    try:
        engine = open_engine(database_url(written), makes_directory=not may_be_missing)
    except StorageError as error:
        raise failed(str(error)) from None
    try:
        if upgrades_own and engine.url.get_backend_name() == "sqlite":
            if is_missing(engine) or current_revision(engine) != head_revision():
                upgrade(engine)
        elif prepared and not (may_be_missing and is_missing(engine)):
            check_ready(engine)
        yield engine
    except StorageError as error:
        raise failed(with_flag(str(error), written)) from None
    except SQLAlchemyError as error:
        raise failed(describe_failure(error, engine)) from None
    finally:
        engine.dispose()


def as_flag(written: str | None) -> tuple[str, ...]:
    """The flag with which a next command works on the same database."""
    return () if written is None or written == "default" else ("--database", repeated(written))


def repeated(written: str) -> str:
    """The database as a next command names it: a URL with a password is the variable that it belongs into."""
    parts = urlsplit(written)
    has_password = parts.password or any("password" in name.lower() for name in parse_qs(parts.query))
    return _VARIABLE if has_password else written


def command_line(*words: str) -> str:
    """A command for a shell, with what `repeated` says of a database."""
    return " ".join(f'"{_VARIABLE}"' if word == _VARIABLE else shlex.quote(word) for word in words)


def with_flag(problem: str, written: str | None) -> str:
    """The problem, with a command in it that works on the database that was given."""
    return problem.replace(_UPGRADE, command_line(*_UPGRADE.split(), *as_flag(written)))


def failed(problem: str) -> typer.Exit:
    """Says what is wrong; raise the answer."""
    say(f"error: {problem}", "red")
    return typer.Exit(1)
