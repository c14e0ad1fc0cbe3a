"""Somebody who reads a page and does what it says, with ports of their own and scripted providers."""

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.agents.installed import path
from tests.agents.provider import ScriptedProvider
from tests.docs.shell import Shell, wait_for_port
from tests.docs.snippets import ROOT, Snippet, snippets_of
from tests.frameworks.frameworks import FRAMEWORKS
from tests.support.collector import HttpCollector
from tests.support.gateway import free_port
from tests.support.sqlite import migrated

_COPIED = ("examples", "deploy", "schema", "docs")
"""What lies beside a reader who has a checkout, and a `gateway.yaml` of their own."""


class Reader:
    """Reads in a directory of their own, which has what a checkout has."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        for name in _COPIED:
            shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
        shutil.copy(ROOT / "examples" / "gateway.test.yaml", directory)
        (directory / "gateway.yaml").write_text(
            (ROOT / "examples" / "gateway.yaml").read_text() + "\nowner: platform\n"
        )
        (directory / "data").mkdir(mode=0o700)
        migrated(directory / "data" / "gateway.db")
        self.directory = directory
        self.provider = ScriptedProvider()
        self.collector = HttpCollector()
        self.left_out: list[str] = []
        """What would have installed what a program needs."""
        self.port, self.control_plane_port = free_port(), free_port()
        url = self.provider.server.url
        self._here = {
            "127.0.0.1:5563": f"127.0.0.1:{self.port}",
            "127.0.0.1:5560": f"127.0.0.1:{self.control_plane_port}",
            "localhost:4318": f"127.0.0.1:{self.collector.url.rpartition(':')[2]}",
            "type: openai,": f'type: openai, base_url: "{url}/v1",',
            "type: anthropic,": f'type: anthropic, base_url: "{url}",',
            "type: gemini,": f'type: gemini, base_url: "{url}",',
        }
        self._shell = Shell(
            directory,
            {
                "GATEWAY_PORT": str(self.port),
                "GATEWAY_DATA_DIR": str(directory / "data"),
                "OPENAI_API_KEY": "sk-of-openai",
                "ANTHROPIC_API_KEY": "sk-of-anthropic",
                "GEMINI_API_KEY": "key-of-gemini",
                "PYTHONWARNINGS": "ignore",
                "ANTHROPIC_OPEN_TELEMETRY": "false",
            },
        )

    def close(self) -> None:
        """Ends all that the page started."""
        self._shell.close()
        self.provider.server.close()
        self.collector.close()

    def read(self, page: Path, *, first: str = "", until: str = "") -> str:
        """What the page's commands print, from one heading to another."""
        lines = page.read_text().splitlines()
        begin, end = (lines.index(first) if first else 0), (lines.index(until) if until else len(lines))
        return "".join(self.do(one) for one in snippets_of(page) if begin < one.line <= end)

    def type(self, command: str) -> str:
        """What a command that stands on no page prints."""
        return self._shell.run(self._localized(command))

    def do(self, snippet: Snippet) -> str:
        """Does what one snippet wants, and gives what it printed.

        Raises:
            AssertionError: a command failed, or did not print what the page says.
        """
        text = self._localized(snippet.text)
        if name := snippet.only("file"):
            (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
            (self.directory / name).write_text(text)
        if name := snippet.only("merged into"):
            file = self.directory / name
            written, added = (yaml.load(one, _Plain) for one in (file.read_text(), text))  # noqa: S506 - a safe loader
            file.write_text(yaml.safe_dump(_merged(written, added), sort_keys=False))
            self.type("sleep 1.5")  # within which a change is live
        if not snippet.is_run:
            return ""
        printed = self._run(snippet, text)
        for words in snippet.of("prints"):
            assert words in printed, f"{snippet.place} does not print {words!r}:\n{printed}"
        return printed

    def _run(self, snippet: Snippet, text: str) -> str:
        if snippet.language != "sh":
            text = self._program(snippet, text)
        elif snippet.of("background"):
            text = f"{{ {text.rstrip()}\n}} &\n"
        try:
            printed = self._shell.run(text)
        except AssertionError as error:
            raise AssertionError(f"{snippet.place}: {error}") from None
        if re.search(r"^\S*(.* )?gateway serve", text, re.MULTILINE):
            assert wait_for_port(self.port), f"{snippet.place}: the gateway does not serve:\n{self._shell.printed()}"
        if "gateway control-plane serve" in text:
            assert wait_for_port(self.control_plane_port), (
                f"{snippet.place}: the control plane does not serve:\n{self._shell.printed()}"
            )
        return printed

    def _program(self, snippet: Snippet, text: str) -> str:
        """The command that runs this program, with the packages that it is for."""
        is_python = snippet.language == "python"
        file = self.directory / f"snippet-{snippet.line}.{'py' if is_python else 'mjs'}"
        runs = "python"
        if name := snippet.only("with"):
            installation = next(one.installation for one in FRAMEWORKS if one.name == name)
            if not (installation.home / "installed").exists():
                self.left_out.append(f"python -m tests.frameworks {name}")
                return ":"
            runs = str(installation.program("python")) if is_python else str(shutil.which("node", path=path()))
            file = file if is_python else installation.home / f"{snippet.page.stem}-{self.port}-{file.name}"
        file.write_text(text)
        return f"{runs} {file}"

    def _localized(self, text: str) -> str:
        for there, here in self._here.items():
            text = text.replace(there, here)
        return text.replace(
            "gateway control-plane serve", f"gateway control-plane serve --port {self.control_plane_port}"
        )


class _Plain(yaml.SafeLoader):
    """Reads `on` as the text that it is, as the gateway does."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in of if first not in "oOyYnN" or not tag.endswith("bool")]
    for first, of in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _merged(into: Any, more: Any) -> Any:
    if not isinstance(into, dict) or not isinstance(more, dict):
        return more
    return {**into, **{name: _merged(into.get(name), value) for name, value in more.items()}}
