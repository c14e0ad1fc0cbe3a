"""What one environment has otherwise: patch files, applied to a merged tree before classes and references.

    patch:
      - {at: /key_classes/engineer/rate_limits/rpm, set: 300}
      - {at: "/virtual_keys/*-demo", remove: true}

`at` is a JSON pointer (RFC 6901) in which `*` stands for any characters within a step. A line changes what is there;
`set` may add the last member where all above it is there. What hits nothing is an error: the file that it was written
for is another by now.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import PosixPath
from typing import Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from gateway.config.source import Path, pointer, steps, value_at

_UNTOUCHED: Final = ("owner", "version")
_PROTECTED: Final = "protected"
_MOST_NAMED: Final = 10
_HINT: Final = "A line is {at: /virtual_keys/ci/rate_limits/rpm, set: 300}, or {at: /virtual_keys/ci, remove: true}."


class PatchFile(PosixPath):
    """A path that was given as a patch, not as a part of the configuration."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Line(_Written):
    """One change, at every place that its pointer leads to."""

    at: str = Field(
        pattern=r"^/.",
        max_length=1000,
        description="A JSON pointer to what changes: `/budgets/team/limit_usd`. `*` stands for any characters within a "
        "step; `~1` is a slash in a name, `~0` a tilde.",
    )
    set: Any = Field(None, description="What stands there instead; null is a value too.")
    remove: bool = Field(False, description="`true` takes it away.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Line":
        if ("set" in self.model_fields_set) == self.remove:
            raise ValueError("a line has either `set`, or `remove: true`")
        return self


class Patch(_Written):
    """A file with what one environment has otherwise than the configuration says."""

    patch: list[Line] = Field(min_length=1, description="Changes, each applied to what those before it left.")


class PatchFault(msgspec.Struct, frozen=True):
    """What is wrong with a patch: where in its file, and how it is mended."""

    message: str
    path: Path
    hint: str | None = None


class Hit(msgspec.Struct, frozen=True):
    """One place that a line changed, and where its new value stands in the patch; nothing where it took one away."""

    place: Path
    written_at: Path | None


def is_patch(tree: Any) -> bool:
    """Whether a file is a patch."""
    return isinstance(tree, Mapping) and "patch" in tree


def read_patch(tree: Any) -> tuple[Sequence[Line], list[PatchFault]]:
    """The lines of a patch file, and what is wrong with it."""
    if not is_patch(tree):
        return (), [PatchFault("this is no patch", (), "A patch has `patch:` with a list of changes.")]
    try:
        return Patch.model_validate(tree).patch, []
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return (), [PatchFault(_worded(one), (*one["loc"],), _HINT) for one in details]


_WORDS: Final = {
    "missing": "the field {name!r} is missing",
    "extra_forbidden": "{name!r} is not a field here",
    "string_pattern_mismatch": "a JSON pointer begins with a slash, and names something",
    "list_type": "a list of changes belongs here",
    "too_short": "a patch has one change at least",
}


def _worded(error: ErrorDetails) -> str:
    if words := _WORDS.get(error["type"]):
        return words.format(name=error["loc"][-1])
    return error["msg"].removeprefix("Value error, ")


class Patched:
    """A tree with the changes of patches. What was read is left as it is: aliases share it."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self.tree: Any = dict(tree)
        self._own: dict[int, Any] = {id(self.tree): self.tree}

    def apply(self, lines: Sequence[Line]) -> tuple[list[Hit], list[PatchFault]]:
        """Applies one patch; what it did, and what it could not do."""
        hits: list[Hit] = []
        faults: list[PatchFault] = []
        for number, line in enumerate(lines):
            at, way = ("patch", number, "at"), steps(line.at)
            places = [*_places(self.tree, way, (), adds=not line.remove)]
            if any(map(_is_the_files, places)):
                message = "a patch changes neither `owner`, `version` nor `protected`"
                faults.append(PatchFault(message, at, "Write it in the configuration itself."))
                continue
            if not places:
                faults.append(PatchFault(f"nothing is at {line.at}", at, _there(self.tree, way)))
            # From the end, so that what is taken out of a list does not move what is still to be.
            for place in reversed(places):
                if _protected(value_at(self.tree, place)) != ([] if line.remove else _protected(line.set)):
                    message = f"what is at {pointer(place)} has `protected`, which a patch leaves as it is"
                    faults.append(PatchFault(message, at, "Change the members that differ, one by one."))
                else:
                    if line.remove:
                        del self._holder(place)[place[-1]]
                    else:
                        self.put(place, line.set)
                    hits.append(Hit(place, None if line.remove else ("patch", number, "set")))
        return hits, faults

    def put(self, place: Path, value: Any) -> None:
        """Puts a value where all that is above it is there."""
        self._holder(place)[place[-1]] = value

    def _holder(self, place: Path) -> Any:
        """What holds a place, as a copy of its own."""
        node = self.tree
        for step in place[:-1]:
            if id(node[step]) not in self._own:
                copy = node[step].copy()
                self._own[id(copy)] = copy
                node[step] = copy
            node = node[step]
        return node


def _is_the_files(place: Path) -> bool:
    """Whether what stands there is the configuration's own, however a pointer leads there."""
    return place[0] in _UNTOUCHED or _PROTECTED in place


@cache
def _matcher(step: str) -> re.Pattern[str]:
    first, *inner = map(re.escape, step.split("*"))
    if not inner:
        return re.compile(first)
    # Each part is taken where it is met first: a group that is not gone back into keeps many stars linear.
    return re.compile(first + "".join(f"(?>.*?{part})" for part in inner[:-1]) + ".*" + inner[-1], re.DOTALL)


def _places(node: Any, way: Sequence[str], above: Path, *, adds: bool) -> Iterator[Path]:
    step, *rest = way
    names = _names(node, step)
    if not rest and adds and not names and isinstance(node, Mapping) and "*" not in step:
        names = [step]
    for name in names:
        if rest:
            yield from _places(node[name], rest, (*above, name), adds=adds)
        else:
            yield (*above, name)


def _names(node: Any, step: str) -> list[Any]:
    matches = _matcher(step).fullmatch
    if isinstance(node, Mapping):
        return [name for name in node if matches(name)]
    return [index for index in range(len(node)) if matches(str(index))] if isinstance(node, list) else []


def _there(tree: Any, way: Sequence[str]) -> str:
    """As far as the way leads, and what is there."""
    node, gone = tree, 0
    for step in way:
        if not (names := _names(node, step)):
            break
        node, gone = node[names[0]], gone + 1
    members = node if isinstance(node, Mapping) else range(len(node) if isinstance(node, list) else 0)
    some = [str(one) for one in islice(members, _MOST_NAMED)]
    there = f"At {pointer(way[:gone])} there is " if gone else "There is "
    more = " ..." if len(members) > _MOST_NAMED else ""
    return f"{there}{', '.join(some)}{more}." if some else f"{there}nothing below."


def _protected(value: Any) -> list[tuple[Path, Any]]:
    """Where something says that it is protected, or not."""
    found: list[tuple[Path, Any]] = []
    if isinstance(value, Mapping):
        found += [((_PROTECTED,), value[_PROTECTED])] if _PROTECTED in value else []
        found += [((name, *at), said) for name, inner in value.items() for at, said in _protected(inner)]
    return found
