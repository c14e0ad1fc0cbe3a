"""`gateway completion`: the script with which a shell completes commands, options and their values."""

from enum import StrEnum
from typing import Annotated, Final

import typer
from typer._completion_shared import get_completion_script

from gateway.cli.groups import COMPLETION_VARIABLE, Commands
from gateway.cli.output import results

app: Final = Commands()

EPILOG = (
    'bash, in ~/.bashrc:  eval "$(gateway completion bash)"\n\n'
    'zsh, in ~/.zshrc after compinit:  eval "$(gateway completion zsh)"\n\n'
    "fish:  gateway completion fish > ~/.config/fish/completions/gateway.fish"
)


class Shell(StrEnum):
    """Whose script is printed."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command("completion", epilog=EPILOG)
def completion(shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.")]) -> None:
    """Print the script that completes commands and options in a shell."""
    results.out(get_completion_script(prog_name="gateway", complete_var=COMPLETION_VARIABLE, shell=shell.value))
