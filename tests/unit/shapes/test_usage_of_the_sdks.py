"""Every figure that the SDKs' types of usage have is a row of ours, or one that nobody bills."""

import importlib
import types
import typing
from typing import Any

import botocore.session
import pydantic
import pytest

from gateway.shapes import converse, messages, openai_usage
from gateway.usage import FURTHER_KINDS, Usage

OPENAI = [
    ("openai.types.completion_usage", "CompletionUsage"),
    ("openai.types.responses.response_usage", "ResponseUsage"),
    ("openai.types.create_embedding_response", "Usage"),
    ("openai.types.images_response", "Usage"),
    ("openai.types.image_gen_completed_event", "Usage"),
    ("openai.types.image_edit_completed_event", "Usage"),
    ("openai.types.audio.transcription", "UsageTokens"),
    ("openai.types.audio.transcription", "UsageDuration"),
    ("openai.types.audio.transcription_verbose", "Usage"),
    ("openai.types.audio.transcription_diarized", "UsageTokens"),
    ("openai.types.audio.transcription_diarized", "UsageDuration"),
    ("openai.types.audio.transcription_text_done_event", "Usage"),
]
OPENAI_TOOLS = [
    ("openai.types.responses.response", "ToolUsageImageGen"),
    ("openai.types.images_response", "SvgUsage"),
]
ANTHROPIC = [
    ("anthropic.types.usage", "Usage"),
    ("anthropic.types.message_delta_usage", "MessageDeltaUsage"),
    ("anthropic.types.beta.beta_usage", "BetaUsage"),
    ("anthropic.types.beta.beta_message_delta_usage", "BetaMessageDeltaUsage"),
]


def models_in(annotation: Any) -> list[type[pydantic.BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return [annotation]
    if isinstance(annotation, types.GenericAlias) or typing.get_origin(annotation) is not None:
        return [model for part in typing.get_args(annotation) for model in models_in(part)]
    return []


def paths_of(model: type[pydantic.BaseModel], known: set[str], at: str = "") -> set[str]:
    """The paths of all figures below a type; what is known as a whole is not looked into."""
    paths: set[str] = set()
    for name, field in model.model_fields.items():
        path = f"{at}{name}"
        below = models_in(field.annotation)
        if not below or path in known:
            paths.add(path)
        for inner in below if path not in known else ():
            paths |= paths_of(inner, known, f"{path}.")
    return paths


def unknown(module: str, name: str, rows: Any, unbilled: Any) -> set[str]:
    known = {row.path for row in rows} | {row.path for row in unbilled}
    model = getattr(importlib.import_module(module), name)
    return paths_of(model, known) - known


@pytest.mark.parametrize(("module", "name"), OPENAI)
def test_openais_usage_is_known(module, name):
    assert unknown(module, name, openai_usage.ROWS, openai_usage.UNBILLED) == set()


@pytest.mark.parametrize(("module", "name"), OPENAI_TOOLS)
def test_what_openais_tools_use_is_known(module, name):
    rows = openai_usage.IMAGE_TOOL_ROWS
    beside = {"model", "total_tokens", "input_tokens_details.text_tokens", "output_tokens_details.text_tokens"}

    assert unknown(module, name, rows, ()) - beside <= {"cached_tokens_details.cached_text_tokens"}


def test_no_tool_of_responses_is_new():
    tool_usage = importlib.import_module("openai.types.responses.response").ToolUsage

    assert set(tool_usage.model_fields) == {"image_gen", "web_search"}


@pytest.mark.parametrize(("module", "name"), ANTHROPIC)
def test_anthropics_usage_is_known(module, name):
    assert unknown(module, name, messages.ROWS, messages.UNBILLED) == set()


def test_every_kind_of_iteration_of_anthropic_is_known():
    union = importlib.import_module("anthropic.types.beta.beta_iterations_usage").BetaIterationsUsageItem
    steps = models_in(union)

    assert len(steps) > 3
    for step in steps:
        known = {row.path for row in (*messages.ROWS, *messages.UNBILLED)}
        assert paths_of(step, known) - known <= {"type", "model"}
        assert messages.OWN_STEPS | {"compaction", "advisor_message"} >= set(
            typing.get_args(step.model_fields["type"].annotation)
        )


def test_converses_usage_is_known():
    shapes = botocore.session.get_session().get_service_model("bedrock-runtime")
    stated = set()
    for name, member in shapes.shape_for("TokenUsage").members.items():
        item = member.member if member.type_name == "list" else member
        stated |= {f"{name}.{inner}" for inner in item.members} if item.type_name == "structure" else {name}

    known = {row.path for row in (*converse.ROWS, converse.HOUR_WRITES, *converse.UNBILLED)}
    assert stated == known


@pytest.mark.parametrize(
    "rows",
    [openai_usage.ROWS, openai_usage.IMAGE_TOOL_ROWS, messages.ROWS, converse.ROWS],
    ids=["openai", "images", "messages", "converse"],
)
def test_a_row_counts_a_kind_that_usage_has(rows):
    assert {row.kind for row in rows} <= {*FURTHER_KINDS, *Usage.__struct_fields__}
    assert len({row.path for row in rows}) == len(rows)
