"""Options that several commands have, each declared once, and what counts where they are left away."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli.database import failed
from gateway.cli.process_settings import read_settings

DEFAULT_CONFIG: Final = Path("gateway.yaml")

ConfigPaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--config",
        "-c",
        metavar="PATH",
        help="A configuration file or directory; repeatable. Default: GATEWAY_CONFIG, else ./gateway.yaml.",
    ),
]
PatchPaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--patch",
        metavar="FILE",
        help="What this environment has otherwise than the configuration says; repeatable. Default: GATEWAY_PATCH.",
    ),
]
FileRoots = Annotated[
    list[Path] | None,
    typer.Option(
        "--file-root",
        metavar="DIR",
        help="A folder below which ${file:PATH} may read, beside the configuration's own; repeatable. "
        "Default: GATEWAY_FILE_ROOTS, separated by commas.",
    ),
]
ControlPlaneUrl = Annotated[
    str | None,
    typer.Option("--control-plane", metavar="URL", help="The control plane's URL. Default: GATEWAY_CONTROL_PLANE_URL."),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="A database in place of a control plane: the work is done in this process. `default` means "
        "GATEWAY_DATABASE_URL, else SQLite in GATEWAY_DATA_DIR.",
    ),
]
OwnDatabase = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The database. Default: GATEWAY_DATABASE_URL, where a password is not seen by `ps`, else SQLite in "
        "GATEWAY_DATA_DIR.",
    ),
]
Token = Annotated[
    str | None,
    typer.Option("--token", metavar="TOKEN", help="A token of the control plane. Better: GATEWAY_CONTROL_PLANE_TOKEN."),
]


def paths_of(config: Sequence[Path] | None, patch: Sequence[Path] | None = None) -> tuple[Path, ...]:
    """The configuration that is meant, with its patches; ends the command where there is none."""
    paths = found_paths(config, patch)
    if not paths:
        raise failed(f"there is no ./{DEFAULT_CONFIG} here: name the configuration with --config")
    return paths


def found_paths(config: Sequence[Path] | None, patch: Sequence[Path] | None = None) -> tuple[Path, ...]:
    """What was given, else what the settings name, else the default file where it is there; and patches likewise."""
    paths = tuple(config or read_settings().config)
    paths = paths or ((DEFAULT_CONFIG,) if DEFAULT_CONFIG.exists() else ())
    return with_patches(paths, patch) if paths else ()


def with_patches(paths: Sequence[Path], patch: Sequence[Path] | None) -> tuple[Path, ...]:
    """Paths of a configuration, with the patches that were given behind them, or those that the environment names."""
    from gateway.config.files import patches  # noqa: PLC0415 - help should not wait for it

    return (*paths, *patches(patch, os.environ))


def roots(given: Sequence[Path] | None) -> tuple[Path, ...]:
    """What was given, else what the environment says."""
    from gateway.config.files import file_roots  # noqa: PLC0415 - help should not wait for it

    return tuple(given) if given else file_roots(os.environ)
