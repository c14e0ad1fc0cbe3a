"""The file of cases: its model, and reading it with the place of everything that is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import Field, ValidationError, model_validator

from gateway.config.diagnostics import Diagnostic
from gateway.config.sections.base import Section, Usd
from gateway.config.source import Path as TreePath
from gateway.config.source import parse, places, pointer


class Refusal(Section):
    """An expected refusal; what is left out is not compared."""

    type: str | None = Field(None, description="The error's type, such as `tool_not_allowed`.")
    status: int | None = Field(None, description="The HTTP status.")
    param: str | None = Field(None, description="The JSON path at fault, such as `tools[0].function.name`.")
    message_contains: str | None = Field(None, description="Words of the message.")

    @model_validator(mode="after")
    def _says_something(self) -> "Refusal":
        if not self.model_fields_set:
            raise ValueError("say what the refusal is: type, status, param or message_contains")
        return self


class ExpectedPrice(Section):
    """The expected price of the first candidate; what is left out is not compared."""

    input_usd_per_mtok: Usd | None = Field(None, description="Per million input tokens.")
    output_usd_per_mtok: Usd | None = Field(None, description="Per million output tokens.")


class Expectation(Section):
    """What has to hold; at least one thing."""

    route: list[str] | None = Field(None, description="All candidates in their order, as `provider/model`.")
    provider: str | None = Field(None, description="The first candidate's provider.")
    model: str | None = Field(None, description="The first candidate's model.")
    refused: Refusal | None = Field(None, description="That the request is refused, and how.")
    body: str | None = Field(None, description="`identical`, `spliced` or `translated`.")
    params_dropped: list[str] | None = Field(None, description="Parameters that a translation leaves out.")
    price: ExpectedPrice | None = Field(None, description="The first candidate's price.")
    budgets: list[str] | None = Field(None, description="The budgets that a request of the key counts against.")
    warnings: list[str] | None = Field(
        None, description="Rules with `mode: warn` that would refuse it, by name, such as `no-shell.tools`."
    )
    cache_mode: str | None = Field(None, description="`respect`, `disable` or `force`.")

    @model_validator(mode="after")
    def _can_fail(self) -> "Expectation":
        if not self.model_fields_set:
            raise ValueError("a case without an expectation cannot fail")
        if self.refused is not None and self.model_fields_set & {"route", "provider", "model", "body", "price"}:
            raise ValueError("a request is either refused or goes somewhere")
        return self


class Case(Section):
    """One request, and what is expected of it."""

    name: Annotated[str, Field(min_length=1)] = Field(description="What the case is about.")
    key: str = Field(description="The name of the virtual key.")
    endpoint: str = Field("/v1/chat/completions", description="The path that is called.")
    model: str | None = Field(None, description="The model that the request names, where `request` does not.")
    request: dict[str, Any] = Field({}, description="The body of the request.")
    expect: Expectation = Field(description="What has to hold.")


class NeverWiden(Section):
    """That nobody may do more than at another revision."""

    base: str = Field("HEAD", description="A git revision, such as `origin/main`.")


class CaseFile(Section):
    """`*.test.yaml`."""

    config: list[str] | str | None = Field(None, description="Configuration files, relative to this one.")
    patch: list[str] | str = Field([], description="Patches of that configuration, relative to this file.")
    never_widen: NeverWiden | bool = Field(False, description="Refuses what lets anybody do more than the base does.")
    cases: list[Case] = Field([], description="Cases, in the order of the report.")

    @model_validator(mode="after")
    def _tests_something(self) -> "CaseFile":
        if not self.cases and not self.never_widen:
            raise ValueError("a file without cases and without never_widen tests nothing")
        return self

    @property
    def base(self) -> str | None:
        """The revision that nothing may be wider than."""
        if isinstance(self.never_widen, NeverWiden):
            return self.never_widen.base
        return "HEAD" if self.never_widen else None

    def config_paths(self, beside: Path) -> list[Path]:
        """The configuration files that it names; `gateway.yaml` beside it where it names none."""
        written = self.config if isinstance(self.config, list) else [self.config or "gateway.yaml"]
        return [beside.parent / one for one in written]

    def patch_paths(self, beside: Path) -> list[Path]:
        """The patches that it names."""
        return [beside.parent / one for one in ([self.patch] if isinstance(self.patch, str) else self.patch)]


class Read(msgspec.Struct, frozen=True):
    """What came of reading a file; `lines` are where cases stand. `cases` is `None` if a diagnostic says why."""

    cases: CaseFile | None
    diagnostics: list[Diagnostic]
    lines: Mapping[int, int]


def read_cases(file: Path) -> Read:
    """Reads a file of cases. Never raises for what it holds."""
    shown_as = str(file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        message = f"the file cannot be read: {why}"
        return Read(None, [Diagnostic(code="file-unreadable", message=message, file=shown_as)], {})
    tree, findings = parse(text, shown_as)
    if findings or not isinstance(tree, dict):
        empty = Diagnostic(code="file-unreadable", message="the file is no mapping with `cases`", file=shown_as)
        return Read(None, findings or [empty], {})
    try:
        cases = CaseFile.model_validate(tree)
    except ValidationError as error:
        return Read(None, _diagnostics(error, text, tree, shown_as), {})
    wanted: list[TreePath] = [("cases", index) for index in range(len(cases.cases))]
    found = places(text, wanted)
    lines = {index: found[path][1][0] for index, path in enumerate(wanted) if path in found}
    return Read(cases, [], lines)


def _diagnostics(error: ValidationError, text: str, tree: Any, file: str) -> list[Diagnostic]:
    told = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        path = _existing(tree, one["loc"])
        found = places(text, [path]) if path else {}
        line, column = found[path][1] if path in found else (1, 1)
        unknown = one["type"] == "extra_forbidden"
        message = f"{one['loc'][-1]!r} is not a field here" if unknown else one["msg"].removeprefix("Value error, ")
        if one["type"] == "missing":
            message = f"the field {one['loc'][-1]!r} is missing"
        code = "unknown-field" if unknown else "missing-field" if one["type"] == "missing" else "invalid-value"
        told.append(Diagnostic(code=code, message=message, file=file, line=line, column=column, pointer=pointer(path)))
    return told


def _existing(tree: Any, loc: tuple[str | int, ...]) -> TreePath:
    node, path = tree, []
    for part in loc:
        inside = isinstance(node, dict) and part in node
        if inside or (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            node = node[part]
            path.append(part)
    return tuple(path)
