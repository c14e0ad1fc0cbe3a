"""A configuration compiled to be looked at: nothing can be sent from it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gateway.cli.options import roots
from gateway.cli.output import show

if TYPE_CHECKING:
    from gateway.config.diagnostics import Diagnostic
    from gateway.config.origins import Origins
    from gateway.snapshot.snapshot import Snapshot


class NotValidError(Exception):
    """Files are no configuration; `diagnostics` say why."""

    def __init__(self, diagnostics: Sequence["Diagnostic"]) -> None:
        super().__init__()
        self.diagnostics = diagnostics


def compile_offline(
    config: Sequence[Path], file_root: Sequence[Path] | None = None
) -> tuple["Snapshot", "Origins", Sequence["Diagnostic"]]:
    """The snapshot of files, which of their values are references, and what is to be said of them.

    Raises `NotValidError`.
    """
    from gateway import clock  # noqa: PLC0415 - `gateway version` should not wait for what few commands need
    from gateway.config.load import load  # noqa: PLC0415 - see above
    from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper  # noqa: PLC0415 - see above
    from gateway.providers.registry import ProviderSet  # noqa: PLC0415 - see above
    from gateway.snapshot.compile import compile_snapshot  # noqa: PLC0415 - see above
    from gateway.snapshot.snapshot import Revision  # noqa: PLC0415 - see above
    from gateway.upstream.request import NoTransport  # noqa: PLC0415 - see above

    loaded = load(
        config, environ=os.environ, now=clock.utc_now(), file_roots=roots(file_root), may_lack_credentials=True
    )
    if loaded.config is None:
        raise NotValidError(loaded.diagnostics)
    revision = Revision(loaded.digest, loaded.commit)
    pepper, providers = Pepper(DEVELOPMENT_PEPPER, None), ProviderSet(NoTransport())
    return compile_snapshot(loaded.config, revision, pepper, providers), loaded.origins, loaded.diagnostics


def offline_snapshot(config: Sequence[Path], file_root: Sequence[Path] | None = None) -> tuple["Snapshot", "Origins"]:
    """The snapshot of files, and which of their values are references.

    What is wrong with the files is shown and ends the command.
    """
    try:
        snapshot, origins, diagnostics = compile_offline(config, file_root)
    except NotValidError as error:
        show(error.diagnostics)
        raise typer.Exit(1) from None
    show(diagnostics)
    return snapshot, origins
