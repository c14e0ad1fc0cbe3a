"""Compiles the modules of the request path with mypyc, where a build asks for it; see CONTRIBUTING.md.

Compiled modules stand in the wheel beside their source. They are built from a copy, and never in the checkout, where
they would go before a source that is edited later.
"""

import contextlib
import os
import runpy
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class MypycHook(BuildHookInterface[Any]):
    """A wheel for this platform, with the modules that `compiled_modules.py` finds compiled."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the extension modules and adds them to the wheel; an editable install stays as it is written."""
        if version == "editable":
            return
        self._made = tempfile.TemporaryDirectory(prefix="gateway-compiled-")
        made, source = Path(self._made.name), Path(self.root)
        shutil.copytree(source / "gateway", made / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(source / "pyproject.toml", made)
        modules, _ = runpy.run_path(str(source / "compiled_modules.py"))["find"](source)
        with contextlib.chdir(made):
            _compile([name.replace(".", "/") + ".py" for name in modules])
        for file in (made / "built").rglob("*.so"):
            build_data["force_include"][str(file)] = str(file.relative_to(made / "built"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Removes what the build left."""
        if version != "editable":
            self._made.cleanup()


def _compile(modules: list[str]) -> None:
    """Into `built`, all as one group, so that the modules call each other directly.

    `MYPYC_OPT_LEVEL` is the C compiler's: with 0 what is built runs slower and takes a fraction of the time to build.
    """
    # Only this build needs the two, and only then they are installed.
    from mypyc.build import mypycify  # noqa: PLC0415
    from setuptools import Distribution  # noqa: PLC0415

    extensions = mypycify(
        ["--follow-imports=silent", *modules],
        opt_level=os.environ.get("MYPYC_OPT_LEVEL", "2"),
        debug_level="0",
        multi_file=True,
        group_name="gateway",
    )
    command: Any = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = "built", "build"
    command.ensure_finalized()
    build = command.build_extensions

    def build_extensions() -> None:
        command.compiler.compile = _at_once(command.compiler.compile)
        build()

    command.build_extensions = build_extensions
    command.run()


def _at_once(compile_all: Any) -> Any:
    """The compiler's `compile`, on all cores: by itself it takes one file of an extension after the other."""

    def compile_sources(sources: list[str], **options: Any) -> list[str]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return [file for made in pool.map(lambda one: compile_all([one], **options), sources) for file in made]

    return compile_sources
