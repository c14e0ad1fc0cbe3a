"""Every member, item, tool and part that OpenAI's SDK has for Responses has a row in the client's table."""

import typing

import pytest
from openai.types.responses import (
    response_create_params,
    response_format_text_config_param,
    response_input_audio_param,
    response_input_content_param,
    response_input_item_param,
    response_output_message_param,
    response_text_config_param,
    tool_choice_allowed_param,
    tool_param,
)
from openai.types.shared_params import Reasoning

from gateway.lanes.losses import Carried
from gateway.lanes.responses.client_parameters import CLIENT_TABLE


def hints(declared):
    return typing.get_type_hints(declared)


def kinds(declared):
    """The types that a declaration may have."""
    hint = hints(declared)["type"]
    words = typing.get_args(hint)
    return [word for one in words for word in (typing.get_args(one) or (one,)) if isinstance(word, str)]


def alternatives(union):
    return [one for one in typing.get_args(union) if one is not type(None)]


REQUEST = {
    "": response_create_params.ResponseCreateParamsStreaming,
    "reasoning": Reasoning,
    "stream_options": response_create_params.StreamOptions,
    "text": response_text_config_param.ResponseTextConfigParam,
    "tool_choice": tool_choice_allowed_param.ToolChoiceAllowedParam,
}


@pytest.mark.parametrize("name", REQUEST)
def test_members_of_a_request(name):
    missing = [
        member for member in hints(REQUEST[name]) if (f"{name}.{member}" if name else member) not in CLIENT_TABLE
    ]

    assert not missing


@pytest.mark.parametrize(
    "declared",
    alternatives(response_format_text_config_param.ResponseFormatTextConfigParam),
    ids=lambda one: one.__name__,
)
def test_members_of_a_format(declared):
    assert not [member for member in hints(declared) if f"text.format.{member}" not in CLIENT_TABLE]


def rows_missing(name, declared):
    missing = []
    for kind in kinds(declared):
        row = CLIENT_TABLE.get(f"{name}[type={kind}]")
        if row is None:
            missing.append(kind)
        elif isinstance(row, Carried):
            members = set(hints(declared)) - {"type"}
            missing += [f"{kind}.{one}" for one in members if f"{name}[type={kind}].{one}" not in CLIENT_TABLE]
    return missing


@pytest.mark.parametrize(
    "declared", alternatives(response_input_item_param.ResponseInputItemParam), ids=lambda one: one.__name__
)
def test_items(declared):
    assert not rows_missing("input", declared)


@pytest.mark.parametrize("declared", alternatives(tool_param.ToolParam), ids=lambda one: one.__name__)
def test_tools(declared):
    assert not rows_missing("tools", declared)


@pytest.mark.parametrize(
    "declared",
    [
        *alternatives(response_input_content_param.ResponseInputContentParam),
        *alternatives(response_output_message_param.Content),
        response_input_audio_param.ResponseInputAudioParam,
    ],
    ids=lambda one: one.__name__,
)
def test_parts(declared):
    assert not rows_missing("input[].content", declared)
