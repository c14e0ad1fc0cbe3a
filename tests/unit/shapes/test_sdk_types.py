"""The types that the installed SDKs declare for requests: an upgrade that brings a new one shows it here.

The tables are followed through the SDKs' own types, from the body down. At every place where a table has items, blocks,
parts or tools, the types that the SDK has there have to be known; and every member of the SDK's types whose name tells
of tools, servers or models has to be one that a table follows, or one of `POINTING`, which declare nothing.
"""

import gzip
import json
import types
import typing
from pathlib import Path

import botocore
import pytest
import typing_extensions
from anthropic.types import message_count_tokens_params, message_create_params
from anthropic.types.beta import message_count_tokens_params as beta_count_tokens_params
from anthropic.types.beta import message_create_params as beta_message_create_params
from openai.types import completion_create_params, embedding_create_params, image_generate_params
from openai.types import moderation_create_params as moderation_params
from openai.types.audio import speech_create_params
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.responses import input_token_count_params, response_compact_params, response_create_params

from gateway.shapes.audio import SPEECH
from gateway.shapes.chat import CHAT, COMPLETIONS
from gateway.shapes.converse import CONVERSE
from gateway.shapes.declares import NAMES_OF_MODELS, NAMES_OF_TOOLS, Says
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.images import IMAGES
from gateway.shapes.messages import COUNT_TOKENS, MESSAGES
from gateway.shapes.responses import COMPACT, INPUT_TOKENS, RESPONSES

REQUESTS = [
    (CHAT, chat_create_params.CompletionCreateParamsNonStreaming),
    (COMPLETIONS, completion_create_params.CompletionCreateParamsNonStreaming),
    (ENDPOINTS["embeddings"].shape, embedding_create_params.EmbeddingCreateParams),
    (IMAGES, image_generate_params.ImageGenerateParamsNonStreaming),
    (ENDPOINTS["moderations"].shape, moderation_params.ModerationCreateParams),
    (SPEECH, speech_create_params.SpeechCreateParams),
    (RESPONSES, response_create_params.ResponseCreateParamsNonStreaming),
    (COMPACT, response_compact_params.ResponseCompactParams),
    (INPUT_TOKENS, input_token_count_params.InputTokenCountParams),
    (MESSAGES, message_create_params.MessageCreateParamsNonStreaming),
    (MESSAGES, beta_message_create_params.MessageCreateParamsNonStreaming),
    (COUNT_TOKENS, message_count_tokens_params.MessageCountTokensParams),
    (COUNT_TOKENS, beta_count_tokens_params.MessageCountTokensParams),
]  # fmt: skip

POINTING = {
    # Which of the declared tools may or must be called, or may be shown to whom.
    ("ToolChoiceAllowedParam", "tools"),
    ("ChatCompletionAllowedToolsParam", "tools"),
    ("WebFetchURLSourceOnlyParam", "tools"),
    ("WebFetchURLSourceExceptParam", "tools"),
    ("BetaWebFetchURLSourceOnlyParam", "tools"),
    ("BetaWebFetchURLSourceExceptParam", "tools"),
    ("BetaRequestToolRemovalBlockParam", "tool"),
    ("ToolChoiceMcpParam", "server_label"),
    # What was called before, and what served it.
    ("McpCall", "server_label"),
    ("McpApprovalRequest", "server_label"),
    ("BetaFallbackInfoParam", "model"),
    ("ImageGenerationCallSvgUsage", "model"),
    # Grammars and schemas, in which names are free.
    ("Grammar", "definition"),
    ("CustomFormatGrammarGrammar", "definition"),
    ("FunctionDefinition", "parameters"),
    ("Function", "parameters"),
    ("FunctionToolParam", "parameters"),
    ("ToolFunction", "parameters"),
    ("ToolSearchToolParam", "parameters"),
    ("ToolParam", "input_schema"),
    ("BetaToolParam", "input_schema"),
    ("BetaMCPToolParamParam", "input_schema"),
    ("McpListToolsTool", "input_schema"),
}


def peeled(hint):
    """A type without what says only whether it is required."""
    marks = (typing.Required, typing.NotRequired, typing.Annotated, typing_extensions.Required)
    while typing.get_origin(hint) in (*marks, typing_extensions.NotRequired):
        hint = typing.get_args(hint)[0]
    return peeled(hint.__value__) if hasattr(hint, "__value__") else hint


def alternatives(hint):
    """The alternatives of a union, one by one."""
    hint = peeled(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for one in typing.get_args(hint):
            yield from alternatives(one)
    else:
        yield hint


def elements(hint):
    """What the lists among the alternatives of a type hold."""
    for one in alternatives(hint):
        if typing.get_origin(one) is not None and typing.get_origin(one) is not typing.Literal:
            for argument in typing.get_args(one):
                yield from alternatives(argument)


def objects(hint):
    """The objects among the alternatives of a type."""
    return [one for one in alternatives(hint) if typing_extensions.is_typeddict(one)]


def members_of(definition):
    return typing_extensions.get_type_hints(definition, include_extras=True)


def literals(hint):
    return {
        value
        for one in alternatives(hint)
        if typing.get_origin(one) is typing.Literal
        for value in typing.get_args(one)
    }


class Walk:
    """A table, followed through an SDK's types: what the SDK has and the table does not know."""

    def __init__(self, table, body):
        self.table = table
        self.followed = set()
        self.unknown = []
        self.seen = set()
        for place in table.places:
            self.place(place, body)

    def place(self, place, owner):
        reached = [owner]
        for step in place.steps:
            following = []
            for one in reached:
                if step == "[]":
                    following += elements(one)
                else:
                    for definition in objects(one):
                        members = members_of(definition)
                        if step in members:
                            self.followed.add((definition.__name__, step))
                            following.append(members[step])
            reached = following
        if not isinstance(place.holds, Says):
            for one in reached:
                for definition in objects(one):
                    self.kind(place.holds, definition)

    def kind(self, name, definition):
        if (name, definition) in self.seen:
            return
        self.seen.add((name, definition))
        kind = self.table.kinds[name]
        stated = literals(members_of(definition)[kind.tag]) if kind.tag in members_of(definition) else {None}
        for type_ in stated:
            if kind.tag and type_ not in kind.known:
                self.unknown.append((name, type_, definition.__name__))
            row = kind.known.get(type_, kind.other) if kind.tag else kind.known[None]
            for place in (*kind.every, *row.places):
                self.place(place, definition)


def every_member(definition, seen):
    """(owner's name, member's name) of everything below a definition."""
    if definition in seen:
        return
    seen.add(definition)
    for name, hint in members_of(definition).items():
        yield definition.__name__, name
        pending = list(alternatives(hint))
        while pending:
            one = pending.pop()
            if typing_extensions.is_typeddict(one):
                yield from every_member(one, seen)
            elif typing.get_origin(one) not in (None, typing.Literal):
                pending += [inner for argument in typing.get_args(one) for inner in alternatives(argument)]


@pytest.mark.parametrize(("shape", "body"), REQUESTS, ids=lambda one: getattr(one, "name", one.__module__))
def test_every_type_of_the_sdk_is_known(shape, body):
    assert Walk(shape.declares, body).unknown == []


@pytest.mark.parametrize(("shape", "body"), REQUESTS, ids=lambda one: getattr(one, "name", one.__module__))
def test_every_member_of_the_sdk_that_could_declare_is_followed(shape, body):
    telling = {*NAMES_OF_TOOLS, *NAMES_OF_MODELS, "tool_changes"}
    members = {(owner, name) for owner, name in every_member(body, set()) if name in telling}

    assert members - Walk(shape.declares, body).followed - POINTING - {(body.__name__, "model")} == set()


def test_what_only_points_is_still_there():
    there = {member for _, body in REQUESTS for member in every_member(body, set())}

    assert there >= POINTING


def model_of_converse():
    (file,) = Path(botocore.__file__).parent.glob("data/bedrock-runtime/*/service-2.json.gz")
    return json.loads(gzip.decompress(file.read_bytes()))["shapes"]


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("converse_tool", ["Tool"]),
        ("converse_block", ["ContentBlock", "SystemContentBlock", "ToolResultContentBlock"]),
    ],
)
def test_every_type_of_converse_is_known(kind, shapes):
    model = model_of_converse()
    stated = {member for shape in shapes for member in model[shape]["members"]}

    assert stated == set(CONVERSE.declares.kinds[kind].known)


def test_converse_has_tools_only_where_they_are_looked_for():
    model = model_of_converse()
    holding = {
        (name, member)
        for name, one in model.items()
        for member, it in one.get("members", {}).items()
        if it["shape"] in ("Tool", "Tools", "ToolConfiguration")
    }

    assert {owner for owner, _ in holding} <= {
        "ConverseRequest",
        "ConverseStreamRequest",
        "ToolConfiguration",
        "ConverseTokensRequest",
    }
