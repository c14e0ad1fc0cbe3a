"""`gateway schema`: the JSON Schemas of what is written and printed, and the configuration's reference for people."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from gateway.cli.database import failed
from gateway.cli.groups import Commands
from gateway.cli.output import results, say
from gateway.private_files import write_for_all

app: Final = Commands()

EPILOG = (
    "Example: gateway schema --kind test --output schema/gateway-test.schema.json\n\n"
    "Point an editor at it: # yaml-language-server: $schema=../schema/gateway.schema.json\n\n"
    "Exit codes: 0 done or equal, 1 --check found a difference."
)


class SchemaFormat(StrEnum):
    """The schema itself, or the reference that is generated from it."""

    JSON = "json"
    MARKDOWN = "markdown"


class Kind(StrEnum):
    """What a schema is of."""

    CONFIG = "config"
    PART = "part"
    PATCH = "patch"
    TEST = "test"
    PLAN = "plan"
    DIFF = "diff"
    VALIDATION = "validation"
    TEST_REPORT = "test-report"


FILES: Final[Mapping[Kind, str]] = {
    Kind.CONFIG: "gateway.schema.json",
    Kind.PART: "gateway-part.schema.json",
    Kind.PATCH: "gateway-patch.schema.json",
    Kind.TEST: "gateway-test.schema.json",
    Kind.PLAN: "plan.schema.json",
    Kind.DIFF: "diff.schema.json",
    Kind.VALIDATION: "validation.schema.json",
    Kind.TEST_REPORT: "test-report.schema.json",
}
"""The files in `schema/`, by kind."""


def render(kind: Kind) -> str:
    """The schema as the text of its file."""
    from gateway.config.schema import text_of  # noqa: PLC0415 - help should not wait for it

    return text_of(_MADE[kind]())


def _config() -> dict[str, Any]:
    from gateway.config.schema import generate, with_references  # noqa: PLC0415 - see above

    return with_references(generate())


def _part() -> dict[str, Any]:
    from gateway.config.schema import generate_part, with_references  # noqa: PLC0415 - see above

    return with_references(generate_part())


def _patch() -> dict[str, Any]:
    from gateway.config.patches import Patch  # noqa: PLC0415 - see above
    from gateway.config.schema import of_model  # noqa: PLC0415

    return of_model(Patch, FILES[Kind.PATCH], "patch of a configuration")


def _test() -> dict[str, Any]:
    from gateway.config.schema import of_model  # noqa: PLC0415 - see above
    from gateway.policy_tests.cases import CaseFile  # noqa: PLC0415

    return of_model(CaseFile, FILES[Kind.TEST], "*.test.yaml")


def _plan() -> dict[str, Any]:
    from gateway.plan.plan import Plan  # noqa: PLC0415 - see above
    from gateway.plan.render.findings import NoPlan  # noqa: PLC0415

    return _printed(Kind.PLAN, "what `gateway plan --format json` prints", Plan, NoPlan)


def _diff() -> dict[str, Any]:
    from gateway.plan.difference import Difference  # noqa: PLC0415 - see above
    from gateway.plan.render.difference import NoDifference  # noqa: PLC0415

    return _printed(Kind.DIFF, "what `gateway diff --format json` prints", Difference, NoDifference)


def _validation() -> dict[str, Any]:
    from gateway.cli.validate import ValidationReport  # noqa: PLC0415 - see above

    return _printed(Kind.VALIDATION, "what `gateway validate --format json` prints", ValidationReport)


def _test_report() -> dict[str, Any]:
    from gateway.cli.policy_tests import TestReport  # noqa: PLC0415 - see above

    return _printed(Kind.TEST_REPORT, "what `gateway test --format json` prints", TestReport)


_MADE: Final[Mapping[Kind, Callable[[], dict[str, Any]]]] = {
    Kind.CONFIG: _config,
    Kind.PART: _part,
    Kind.PATCH: _patch,
    Kind.TEST: _test,
    Kind.PLAN: _plan,
    Kind.DIFF: _diff,
    Kind.VALIDATION: _validation,
    Kind.TEST_REPORT: _test_report,
}


def _printed(kind: Kind, title: str, *types: Any) -> dict[str, Any]:
    """The schema of an object that is printed, of one major version: minor ones add members."""
    from gateway.config.schema import IDS  # noqa: PLC0415 - see above

    found, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    for one in types:
        (version,) = (field.default for field in msgspec.structs.fields(one) if field.name == "format_version")
        components[one.__name__]["properties"]["format_version"] = {
            "type": "string",
            "pattern": rf"^{version.partition('.')[0]}\.",
            "description": "A new minor version adds members; a new major one may take some away.",
        }
        components[one.__name__]["required"] = ["format_version", *components[one.__name__].get("required", ())]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{IDS}{FILES[kind]}", "title": title}
    return {**head, **({"anyOf": [*found]} if len(found) > 1 else found[0]), "$defs": components}


@app.command("schema", epilog=EPILOG)
def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write here instead of printing.")] = None,
    check: Annotated[Path | None, typer.Option("--check", help="Fail when this file differs from the schema.")] = None,
    kind: Annotated[
        Kind,
        typer.Option(
            "--kind",
            help="config: gateway.yaml. part: one of several files. test: *.test.yaml. What is printed as JSON: plan "
            "by gateway plan, diff by gateway diff, validation by gateway validate, test-report by gateway test.",
        ),
    ] = Kind.CONFIG,
    form: Annotated[
        SchemaFormat, typer.Option("--format", help="json, or markdown: the reference of the configuration.")
    ] = SchemaFormat.JSON,
) -> None:
    """Print a JSON Schema (draft 2020-12) of what is written or printed, generated from the program itself."""
    if form is SchemaFormat.MARKDOWN and kind is not Kind.CONFIG:
        raise failed("--format markdown is the reference of the configuration, --kind config")
    if form is SchemaFormat.MARKDOWN:
        from gateway.config import reference  # noqa: PLC0415 - see above

        text = reference.render()
    else:
        text = render(kind)
    if check is not None:
        if not check.is_file() or check.read_bytes() != text.encode():
            chosen = f" --kind {kind.value}" if kind is not Kind.CONFIG else ""
            command = f"gateway schema{chosen} --format {form.value} --output {check}"
            say(f"{check} differs from the schema of this version; run: {command}", "red")
            raise typer.Exit(1)
        return
    if output is not None:
        try:
            write_for_all(output, text.encode())
        except OSError as error:
            raise failed(f"{output} cannot be written: {error.strerror}") from None
        return
    results.out(text, end="")
