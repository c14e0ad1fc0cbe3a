"""The tables of URLs know every member of the SDKs' types, and of botocore's model of Converse, that is one."""

import anthropic.types.beta.message_create_params
import anthropic.types.message_create_params
import botocore.session
import openai.types.chat.completion_create_params
import openai.types.embedding_create_params
import openai.types.image_generate_params
import openai.types.moderation_create_params
import openai.types.responses.response_create_params
import pytest

from gateway.shapes.url_members import URL_MEMBERS
from tests.support.typed_dicts import texts_in

REQUESTS = [
    ("chat", openai.types.chat.completion_create_params.CompletionCreateParamsNonStreaming),
    ("responses", openai.types.responses.response_create_params.ResponseCreateParamsNonStreaming),
    ("images", openai.types.image_generate_params.ImageGenerateParamsNonStreaming),
    ("moderations", openai.types.moderation_create_params.ModerationCreateParams),
    ("embeddings", openai.types.embedding_create_params.EmbeddingCreateParams),
    ("messages", anthropic.types.message_create_params.MessageCreateParamsNonStreaming),
    ("messages", anthropic.types.beta.message_create_params.MessageCreateParamsNonStreaming),
]
NO_URLS = {"url_sources"}
"""Which kinds of URLs a hosted tool may fetch."""


def is_called_url(name):
    return "url" in name.lower() or "uri" in name.lower()


def urls_in(request_type):
    """The ends of all chains of members of a type that end in a text whose name says URL or URI."""
    return {path[-2:] for path in texts_in(request_type) if is_called_url(path[-1]) and path[-1] not in NO_URLS}


def known(table, place):
    return any(place[-len(one) :] == one for one in (*table.fetched, *table.told))


@pytest.mark.parametrize(("shape", "request_type"), REQUESTS)
def test_every_url_of_the_sdk_s_types_is_known(shape, request_type):
    assert {place for place in urls_in(request_type) if not known(URL_MEMBERS[shape], place)} == set()


@pytest.mark.parametrize("shape", ["chat", "responses", "messages", "moderations"])
def test_the_walk_through_the_types_finds_urls(shape):
    assert [place for name, request_type in REQUESTS if name == shape for place in urls_in(request_type)]


def test_every_url_of_converse_is_known():
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    found, waiting = set(), [((), model.operation_model("Converse").input_shape)]
    entered = set()
    while waiting:
        path, shape = waiting.pop()
        if shape.type_name == "list":
            waiting.append((path, shape.member))
        if shape.type_name != "structure" or (path[-1:], shape.name) in entered:
            continue
        entered.add((path[-1:], shape.name))
        for name, inner in shape.members.items():
            if is_called_url(name) and inner.type_name == "string":
                found.add((*path, name)[-2:])
            waiting.append(((*path, name), inner))

    assert {("s3Location", "uri"), ("web", "url")} <= found
    assert {place for place in found if not known(URL_MEMBERS["converse"], place)} == set()


@pytest.mark.parametrize(
    ("shape", "path", "is_url"),
    [
        ("chat", ("messages", 0, "content", 1, "image_url", "url"), True),
        ("chat", ("messages", 0, "content", 1, "image_url"), True),
        ("chat", ("tools", 0, "function", "parameters", "image_url"), False),
        ("responses", ("input", 0, "content", 0, "image_url"), True),
        ("responses", ("input", 0, "output", 0, "file_url"), True),
        ("responses", ("tools", 0, "server_url"), True),
        ("responses", ("prompt", "variables", "v", "file_url"), True),
        ("responses", ("metadata", "image_url"), False),
        ("messages", ("messages", 0, "content", 0, "source", "url"), True),
        ("messages", ("messages", 0, "content", 0, "content", 3, "source", "url"), True),
        ("messages", ("messages", 0, "content", 0, "input", "source", "url"), False),
        ("messages", ("messages", 0, "content", 0, "tabs", 0, "url"), False),
    ],
)
def test_where_a_url_is_wanted(shape, path, is_url):
    assert URL_MEMBERS[shape].holds(path) is is_url
