"""Which modules the compiled build compiles, by a rule. `python compiled_modules.py` prints them, and why not others.

Compiled is every module of the rooms of the request path that a request can reach by imports, but those of which mypyc
would make something else than is written, without a word or not at all.
"""

import ast
import sys
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

BEGINS = (
    "gateway.server.llm_resource",
    # What the wiring puts behind the protocols by which the request path asks.
    "gateway.counters.memory",
    "gateway.ledger.insert",
    "gateway.ledger.spool",
    "gateway.providers.openai",
    "gateway.telemetry.otlp",
    "gateway.telemetry.sampling",
    "gateway.telemetry.spans",
    "gateway.upstream.client",
)

ROOMS = frozenset({
    "clock", "counters", "ids", "keys", "ledger", "money", "pipeline", "policy", "providers", "server", "shapes",
    "snapshot", "telemetry", "turns", "upstream", "version", "wire",
})  # fmt: skip
"""Where requests spend their time. Lanes are not among them: msgspec does most of their work, and they are a third of
what there would be to compile."""

_READ_WHILE_RUNNING = frozenset({"msgspec.Struct", "Struct", "BaseModel", "BaseSettings", "Section"})


class Module(NamedTuple):
    """One module of the package, read but not imported."""

    name: str
    nodes: tuple[ast.AST, ...]
    imports: frozenset[str]
    origins: dict[str, str]
    """In which module a name at hand is defined: a class of its own, or something imported from the package."""
    bases: tuple[tuple[str, str], ...]
    """Each class with each of its bases, as written."""

    @property
    def room(self) -> str:
        """The room of the house that it stands in; a module beside the rooms is one by itself."""
        return self.name.split(".")[1] if "." in self.name else ""


def find(root: Path) -> tuple[list[str], dict[str, str]]:
    """The modules to compile, and those that a request reaches in the same rooms, each with why it stays as it is."""
    modules = _read(root)
    reached: set[str] = set()
    waiting = list(BEGINS)
    while waiting:
        name = waiting.pop()
        if name not in reached and modules[name].room in ROOMS:
            reached.add(name)
            waiting += modules[name].imports
    stays = {name: reason for name in reached if (reason := _loses(modules[name])) is not None}
    while (found := _torn_apart(modules, reached - stays.keys())) is not None:
        stays[found[0]] = found[1]
    return sorted(reached - stays.keys()), dict(sorted(stays.items()))


def _read(root: Path) -> dict[str, Module]:
    files = {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (root / "gateway").rglob("*.py")
    }
    return {name: _module(name, file.read_text(), files.keys()) for name, file in files.items()}


def _module(name: str, text: str, known: Container[str]) -> Module:
    nodes = tuple(ast.walk(ast.parse(text)))
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    origins = {node.name: name for node in classes}
    imported = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gateway":
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                origin = inner if inner in known else str(node.module)
                origins[one.asname or one.name] = origin
                imported.add(origin)
    bases = tuple((node.name, ast.unparse(base)) for node in classes for base in node.bases)
    return Module(name, nodes, frozenset(imported), origins, bases)


def _loses(module: Module) -> str | None:
    """What the module would lose by itself, if anything."""
    defines = False
    for node in module.nodes:
        match node:
            case ast.ClassDef(name=name, keywords=[_, *_]):
                return f"{name} is a class with keywords, which mypyc leaves out"
            case ast.ClassDef(name=name, bases=bases) if _READ_WHILE_RUNNING & set(map(ast.unparse, bases)):
                return f"the annotations of {name} are read while it runs, and mypyc leaves most of them out"
            case ast.ClassDef(name=name, decorator_list=decorators) if "slots=True" in "".join(
                map(ast.unparse, decorators)
            ):
                return f"{name} is a dataclass with slots, which makes a second class of what mypyc made"
            case ast.Try(finalbody=end) if any(isinstance(inner, ast.Await) for one in end for inner in ast.walk(one)):
                return "it awaits in a finally, where mypyc raises again what was caught earlier"
            case ast.AsyncFunctionDef(name=name) if any(isinstance(inner, ast.Yield) for inner in ast.walk(node)):
                return f"{name} is an asynchronous generator, which mypyc does not know"
            case ast.FunctionDef(name=name, decorator_list=[ast.Name("cached_property")]):
                return f"{name} is a cached property, and what mypyc makes of its class has no place to keep one"
            case ast.AnnAssign(
                target=ast.Name(name), annotation=ast.Name("Final"), value=ast.Tuple([ast.Constant(float()), *_])
            ):
                return f"{name} is a Final whose first of several values is a float, which mypyc takes for unset"
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                defines = True
    return None if defines else "it holds tables only, so there is nothing to compile"


def _torn_apart(modules: dict[str, Module], compiled: set[str]) -> tuple[str, str] | None:
    """A module whose class derives from one that stays interpreted, or has one derive from it that does, and why."""
    for module in modules.values():
        for name, base in module.bases:
            origin = module.origins.get(base.split("[")[0].split(".")[0])
            if origin is None or (origin in compiled) == (module.name in compiled):
                continue
            if module.name in compiled:
                return module.name, f"{name} derives from {base}, which stays interpreted"
            return origin, f"{module.name}.{name}, which stays interpreted, derives from its {base}"
    return None


if __name__ == "__main__":
    compiled, stays = find(Path(__file__).parent)
    sys.stdout.writelines(f"{name}\n" for name in compiled)
    sys.stdout.writelines(f"{name}: not compiled, since {reason}\n" for name, reason in stays.items())
