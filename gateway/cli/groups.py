"""How groups of commands are made, and how help looks: plain text, complete, as wide as the terminal is."""

import os
import shutil
import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

COMPLETION_VARIABLE: Final = "_GATEWAY_COMPLETE"
"""What a shell's script sets to ask for completions in place of running a command."""

_WIDEST: Final = 120

Function = TypeVar("Function", bound=Callable[..., Any])


class _Command(TyperCommand):
    """A command whose help keeps its example in one line, to be copied."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as the base has it
        """Writes what comes after the options."""
        for paragraph in (self.epilog or "").split("\n\n"):
            formatter.write_paragraph()
            with formatter.indentation():
                if paragraph.startswith("Example:"):
                    formatter.write(f"{'':{formatter.current_indent}}{paragraph}\n")
                else:
                    formatter.write_text(paragraph)


class Group(TyperGroup):
    """A group whose help has the whole first sentence of every command."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the section of commands."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(sys.maxsize)) for name, command in commands.items() if command]
            )


class Commands(typer.Typer):
    """Commands of one module; they are of the outermost group where they have no name together."""

    def __init__(self, name: str | None = None, about: str | None = None) -> None:
        super().__init__(name=name, help=about, cls=Group, no_args_is_help=True, rich_markup_mode=None)

    def command(self, name: str | None = None, **more: Any) -> Callable[[Function], Function]:
        """Makes a command of a function; `epilog` is what its help ends with."""
        return super().command(name, **{"cls": _Command, **more})


def help_width() -> int:
    """Columns that help may take: those of the terminal; into a file or a pipe, enough to read."""
    is_wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return _WIDEST if is_wide else min(_WIDEST, shutil.get_terminal_size().columns)
