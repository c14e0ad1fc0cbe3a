"""How commands print: results on standard output, everything else on standard error, colours only on a terminal."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec
from rich.console import Console
from rich.text import Text

from gateway.config.diagnostics import Diagnostic, Severity
from gateway.visible import visible_lines

results: Final = Console(highlight=False, soft_wrap=True)
messages: Final = Console(stderr=True, highlight=False, soft_wrap=True)

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


class Format(StrEnum):
    """For people or for machines."""

    TEXT = "text"
    JSON = "json"


def print_json(document: object) -> None:
    """A document as indented JSON, on standard output."""
    results.out(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def say(text: str, style: str = "") -> None:
    """A line on standard error; never read as markup."""
    messages.print(Text(visible_lines(text), style=style))


def show(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics as `file:line:column: severity[code] message`, on standard error."""
    for one in diagnostics:
        text = Text(str(one))
        text.highlight_words([f"{one.severity}[{one.code}]"], style=_STYLES[one.severity])
        messages.print(text)
