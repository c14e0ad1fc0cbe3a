"""Findings where code is reviewed: annotations of GitHub Actions, and SARIF for everything else that shows findings."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from gateway.cli.output import results, show
from gateway.config.diagnostics import CODES, Diagnostic, Severity
from gateway.config.git import root_of
from gateway.version import __version__
from gateway.visible import visible

SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MEANINGS: Final[Mapping[str, str]] = {
    **CODES,
    "policy-test": "A policy test does not hold.",
    "widens-access": "A planned change lets somebody do more than before.",
    "may-widen-access": "A planned change may let somebody do more than before.",
    "refuses-traffic": "A planned change refuses traffic of today.",
    "plan-guard": "An apply of the plan is refused unless a flag says otherwise.",
    "plan-error": "The plan cannot be applied.",
}
"""Every code that an annotation can carry, and what it means."""

_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_BRACKETS: Final = str.maketrans({"\\": "\\\\", "[": "\\[", "]": "\\]"})
_PLACEHOLDER: Final = re.compile(r"\{([0-9]+)\}")


class FindingsFormat(StrEnum):
    """For people, for machines, for the diff of a pull request, for what shows findings of any tool."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


FindingsOutput = Annotated[
    FindingsFormat | None,
    typer.Option(
        "--format",
        help="text, json, github (annotations of a pull request) or sarif. Default: text, and github where "
        "GITHUB_ACTIONS is true.",
    ),
]


def chosen(output: FindingsFormat | None) -> FindingsFormat:
    """The format that was asked for, else the one that suits where the command runs."""
    if output is not None:
        return output
    return FindingsFormat.GITHUB if os.environ.get("GITHUB_ACTIONS") == "true" else FindingsFormat.TEXT


def print_findings(found: Iterable[Diagnostic], form: str, category: str) -> None:
    """Prints findings as SARIF, as annotations, or else for people, on standard error; see `sarif` for `category`."""
    if form == FindingsFormat.SARIF:
        results.out(sarif(found, category))
    elif form == FindingsFormat.GITHUB:
        for line in workflow_commands(found):
            results.out(line)
    else:
        show(found)


def workflow_commands(found: Iterable[Diagnostic]) -> Iterator[str]:
    """Findings as lines that GitHub Actions shows in the diff.

    Nothing in a finding can end a line or begin another property: they are escaped as the Actions toolkit does it
    (https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts).
    """
    for one in found:
        told = {
            "file": None if one.file is None else _in_workspace(one.file),
            "line": one.line,
            "col": one.column,
            "title": one.code,
        }
        properties = ",".join(
            f"{name}={visible(str(value)).translate(_PROPERTY)}" for name, value in told.items() if value is not None
        )
        level = "notice" if one.severity is Severity.NOTE else one.severity
        yield f"::{level} {properties}::{_text(one).translate(_DATA)}"


def sarif(found: Iterable[Diagnostic], category: str) -> str:
    """Findings as a log of SARIF 2.1.0.

    Messages are plain text: what a reader would take for a link (3.11.6) or for a placeholder (3.11.5) is escaped.
    Other braces are left as they are, since many readers do not undo their doubling, and `${{` means something else to
    GitHub. `category` keeps the findings of one command apart from those of another.
    """
    found = list(found)
    rules = list(dict.fromkeys(one.code for one in found))
    run = {
        "tool": {
            "driver": {
                "name": "gateway",
                "version": __version__,
                "rules": [{"id": code, "shortDescription": {"text": MEANINGS[code]}} for code in rules],
            }
        },
        "automationDetails": {"id": f"{category}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, rules.index(one.code)) for one in found],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(one: Diagnostic, rule: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": rule,
        "level": one.severity.value,
        "message": {"text": _plain(_text(one))},
    }
    if one.file is not None:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(_in_repository(one.file))}}
        if one.line is not None:
            place["region"] = {"startLine": one.line, **({} if one.column is None else {"startColumn": one.column})}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _text(one: Diagnostic) -> str:
    return visible(one.message) + (f"\nhint: {visible(one.hint)}" if one.hint else "")


def _plain(text: str) -> str:
    return _PLACEHOLDER.sub(r"{{\1}}", text.translate(_BRACKETS))


def _in_workspace(file: str) -> str:
    """Annotations name files from the folder that the workflow's steps begin in."""
    return _below(file, os.environ.get("GITHUB_WORKSPACE"))


def _in_repository(file: str) -> str:
    """Logs of findings name files from the root of their repository."""
    root = root_of(Path(file))
    return _below(file, None if root is None else str(root))


def _below(file: str, root: str | None) -> str:
    if root is None:
        return file
    absolute, real = Path(os.path.abspath(file)), Path(root).resolve()  # noqa: PTH100 - links stay as they are written
    for base in (Path(root), real):
        if absolute.is_relative_to(base):
            return str(absolute.relative_to(base))
    return file
