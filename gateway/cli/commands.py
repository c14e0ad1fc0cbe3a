"""Every command, and the module that has it. A module is imported when its command is asked for."""

import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer._completion_classes import completion_init
from typer.main import get_group

from gateway.cli.groups import COMPLETION_VARIABLE, Group, help_width
from gateway.version import told

MODULES: Final = {
    "init": "init",
    "serve": "serve",
    "validate": "validate",
    "schema": "schema",
    "plan": "plan",
    "show": "plan",
    "apply": "plan",
    "diff": "diff",
    "test": "policy_tests",
    "explain": "explain",
    "config": "config",
    "adopt": "adopt",
    "adopt-id": "adopt_id",
    "ready": "ready",
    "export": "export",
    "import": "import_",
    "top": "top",
    "status": "status",
    "smoke": "smoke",
    "audit": "status",
    "history": "status",
    "keys": "key_life",
    "spend": "spend",
    "budgets": "budgets",
    "check-ledger": "check_ledger",
    "ledger": "ledger",
    "db": "db",
    "prices": "prices",
    "report": "report",
    "control-plane": "control_plane",
    "tokens": "tokens",
    "completion": "completion",
    "version": "version",
}
"""By command. A module's `app` is a group of the command's name, or has no name and holds commands."""


class _Imported(Mapping[str, Any]):
    """The commands, each built when it is looked up; their names are known without."""

    def __getitem__(self, name: str) -> Any:
        group = get_group(import_module(f"gateway.cli.{MODULES[name]}").app)
        return group if group.name == name else group.commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


class _Commands(Group):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = _Imported()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as the base has it
        """Their names, in the order of the table."""
        return [*self.commands]


app: Final = typer.Typer(
    cls=_Commands,
    name="gateway",
    help="A declarative LLM gateway: one gateway.yaml in git governs every model call.\n\n"
    "Try it without any account:  gateway serve --config examples/gateway.yaml",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(told())
        raise typer.Exit(0)


@app.callback()
def _gateway(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """What comes before a command."""


# Typer carries its own copy of click; what both copies' usage errors share with `BadParameter` is their base.
_UsageError: Final[Any] = typer.BadParameter.__base__


def run() -> int:
    """Runs the command that the process was started with, or completes it for a shell. Returns its exit code."""
    if COMPLETION_VARIABLE in os.environ:
        completion_init()
    try:
        code = app(prog_name="gateway", standalone_mode=False, terminal_width=help_width())
    except _UsageError as error:
        error.show()
        return 1
    except typer.Abort:
        return 1
    return code if isinstance(code, int) else 0
