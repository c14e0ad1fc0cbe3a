"""Compiles the modules of the request path with mypyc, where a build asks for it; see CONTRIBUTING.md.

Compiled modules stand in the wheel beside their source. They are built from a copy, and never in the checkout, where
they would go before a source that is edited later.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class MypycHook(BuildHookInterface[Any]):
    """A wheel for this platform, with the modules that `pyproject.toml` lists compiled."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the extension modules and adds them to the wheel; an editable install stays as it is written."""
        if version == "editable":
            return
        self._made = tempfile.TemporaryDirectory(prefix="gateway-compiled-")
        made, source = Path(self._made.name), Path(self.root)
        shutil.copytree(source / "gateway", made / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(source / "pyproject.toml", made)
        modules = [name.replace(".", "/") + ".py" for name in self.config["modules"]]
        with contextlib.chdir(made):
            _compile(modules)
        for file in (made / "built").rglob("*.so"):
            build_data["force_include"][str(file)] = str(file.relative_to(made / "built"))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Removes what the build left."""
        if version != "editable":
            self._made.cleanup()


def _compile(modules: list[str]) -> None:
    """Into `built`, all as one group, so that the modules call each other directly."""
    # Only this build needs the two, and only then they are installed.
    from mypyc.build import mypycify  # noqa: PLC0415
    from setuptools import Distribution  # noqa: PLC0415

    extensions = mypycify(
        ["--follow-imports=silent", *modules], opt_level="2", debug_level="0", multi_file=True, group_name="gateway"
    )
    command: Any = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = "built", "build"
    command.ensure_finalized()
    command.run()
