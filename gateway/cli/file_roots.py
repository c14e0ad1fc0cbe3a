"""The option of every command that reads a configuration with `${file:}` references."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

FileRoots = Annotated[
    list[Path] | None,
    typer.Option(
        "--file-root",
        help="A folder below which ${file:PATH} may read, beside the configuration's own; repeatable. "
        "Default: GATEWAY_FILE_ROOTS, separated by commas.",
    ),
]


def roots(given: Sequence[Path] | None) -> tuple[Path, ...]:
    """What was given, else what the environment says."""
    from gateway.config.files import file_roots  # noqa: PLC0415 - `gateway version` should not wait for it

    return tuple(given) if given else file_roots(os.environ)
