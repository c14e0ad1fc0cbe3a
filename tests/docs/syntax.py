"""Whether a snippet is well-formed, by its language."""

import ast
import json
import shutil
import subprocess
import textwrap
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import yaml

from gateway.config.load import load
from gateway.config.model import Config
from tests.agents.installed import path
from tests.docs.snippets import ROOT, Snippet

DRAWN = ("flowchart", "stateDiagram-v2", "sequenceDiagram")
"""The kinds of diagrams that Mermaid knows and pages have."""


def fault_of(snippet: Snippet, scratch: Path) -> str | None:
    """What is wrong with it, if anything."""
    judge = _JUDGES.get(snippet.language)
    if judge is None:
        return f"`{snippet.language}` is no language that tests/docs/syntax.py knows"
    try:
        return judge(snippet, scratch)
    except (ValueError, SyntaxError, yaml.YAMLError) as error:
        return str(error)


def _shell(snippet: Snippet, _: Path) -> str | None:
    done = subprocess.run(["bash", "-n"], input=snippet.text, capture_output=True, text=True, check=False)
    return done.stderr or None


def _python(snippet: Snippet, _: Path) -> None:
    ast.parse(snippet.text)


def _javascript(snippet: Snippet, scratch: Path) -> str | None:
    """By Node, where it is installed."""
    node = shutil.which("node", path=path())
    if node is None:
        return None
    file = scratch / "snippet.mjs"
    file.write_text(snippet.text)
    return subprocess.run([node, "--check", str(file)], capture_output=True, text=True, check=False).stderr or None


def _yaml(snippet: Snippet, scratch: Path) -> str | None:
    read = yaml.safe_load(snippet.text)
    if snippet.of("other yaml"):
        return None
    if kind := snippet.only("of"):
        schema = json.loads((ROOT / "schema" / f"{kind}.schema.json").read_text())
        return "\n".join(one.message for one in jsonschema_rs.validator_for(schema).iter_errors(read)) or None
    is_of_providers = not _SECTIONS.issuperset(read) and all(
        isinstance(one, dict) and "type" in one for one in read.values()
    )
    text = f"providers:\n{textwrap.indent(snippet.text, '  ')}" if is_of_providers else snippet.text
    return _fault_of_part(text, [name for name in _WHOLE if name not in read], scratch)


def _fault_of_part(text: str, lacks: list[str], scratch: Path) -> str | None:
    """A part of gateway.yaml names what other parts declare."""
    file = scratch / "gateway.yaml"
    file.write_text("".join(f"{name}: {_WHOLE[name]}\n" for name in lacks) + text)
    told = load(
        [file],
        environ={},
        now=datetime.now(UTC),
        may_lack_credentials=True,
        others_may_declare=True,
        file_roots=[Path("/")],
    )
    return "\n".join(str(one) for one in told.diagnostics if one.is_error and one.code != "bad-move") or None


_WHOLE = {"version": "1", "organization": "acme", "owner": "docs"}
_SECTIONS = frozenset(Config.model_fields)


def _json(snippet: Snippet, _: Path) -> None:
    json.loads(snippet.text)


def _toml(snippet: Snippet, _: Path) -> None:
    tomllib.loads(snippet.text)


def _diagram(snippet: Snippet, _: Path) -> str | None:
    return None if snippet.text.startswith(DRAWN) else f"a diagram begins with one of {', '.join(DRAWN)}"


def _nothing(_: Snippet, __: Path) -> None:
    """Text and what programs print has no syntax."""


_JUDGES: Mapping[str, Callable[[Snippet, Path], str | None]] = {
    "sh": _shell,
    "python": _python,
    "js": _javascript,
    "yaml": _yaml,
    "json": _json,
    "toml": _toml,
    "mermaid": _diagram,
    "diff": _nothing,
    "text": _nothing,
}
