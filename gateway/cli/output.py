"""How commands print: results on standard output, everything else on standard error, colours only on a terminal."""

import os
import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import wraps
from typing import Final, ParamSpec

import msgspec
from rich.console import Console
from rich.text import Text

from gateway.config.diagnostics import Diagnostic, Severity
from gateway.visible import visible_lines

results: Final = Console(highlight=False, soft_wrap=True)
messages: Final = Console(stderr=True, highlight=False, soft_wrap=True)

Given = ParamSpec("Given")

_ERROR: Final = "red"
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


class Format(StrEnum):
    """For people or for machines."""

    TEXT = "text"
    JSON = "json"


def print_json(document: object) -> None:
    """A document as indented JSON, on standard output."""
    results.out(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


_is_log = False


def speaks_as_the_log(command: Callable[Given, None]) -> Callable[Given, None]:
    """A command that serves: what it says on standard error has the form of the process's log, JSON or not."""

    @wraps(command)
    def run(*arguments: Given.args, **options: Given.kwargs) -> None:
        global _is_log  # noqa: PLW0603 - a process has one standard error
        form = os.environ.get("GATEWAY_LOG_FORMAT", "auto")
        _is_log = form == "json" or (form != "pretty" and not sys.stderr.isatty())
        try:
            command(*arguments, **options)
        finally:
            _is_log = False

    return run


def _log_line(level: str, event: str, **more: object) -> None:
    from gateway import clock  # noqa: PLC0415 - commands that print need none of it
    from gateway.telemetry.redact import redact  # noqa: PLC0415 - as above

    known = {name: value for name, value in more.items() if value not in (None, "")}
    now = clock.iso_of_microseconds(clock.microseconds())
    line = {"event": redact(event), **known, "level": level, "logger": __name__, "time": now}
    print(msgspec.json.encode(line).decode(), file=sys.stderr)  # noqa: T201 - what this module is for


def say(text: str, style: str = "") -> None:
    """A line on standard error; never read as markup."""
    if _is_log:
        # The level says it.
        _log_line("error" if style == _ERROR else "info", text.removeprefix("error: "))
        return
    messages.print(Text(visible_lines(text), style=style))


def show(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics as `file:line:column: severity[code] message`, on standard error."""
    for one in diagnostics:
        if _is_log:
            level = "info" if one.severity is Severity.NOTE else one.severity.value
            place = {"file": one.file, "line": one.line, "column": one.column, "pointer": one.pointer}
            _log_line(level, str(one), code=one.code, **place)
            continue
        text = Text(str(one))
        text.highlight_words([f"{one.severity}[{one.code}]"], style=_STYLES[one.severity])
        messages.print(text)
