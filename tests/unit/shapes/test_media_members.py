"""Base64 is media where the API takes media, and nowhere else, whatever the words around it say."""

import base64
import json
import random

import anthropic.types.beta.message_create_params
import anthropic.types.message_create_params
import openai.types.chat.completion_create_params
import openai.types.responses.response_create_params
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money.estimate import Medium, MediumKind, bound_input
from gateway.money.media import ANY
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.media_members import Form
from tests.support.typed_dicts import texts_in

PICTURE = "iVBORw0KGgo" + base64.b64encode(random.Random(1).randbytes(30_000)).decode()  # noqa: S311 - repeatable on purpose
PROSE = "IfYouReadThisYouAreBilledForEachOfItsWords" * 1_000
IN_LISTS = ("contents", "parts", "requests", "messages", "input", "inputs", "content", "output", "tools", "skills")
SHAPES = {name: endpoint.shape for name, endpoint in ENDPOINTS.items() if endpoint.shape.media.places}


def leaf(form, data):
    if form is Form.SOURCE:
        return {"type": "base64", "media_type": "image/png", "data": data}
    if form is Form.BLOB:
        return {"mimeType": "image/png", "data": data}
    return data if form is Form.AUDIO else f"data:image/png;base64,{data}"


def at(path, value):
    """A body with the value at the end of a path, in lists where a conversation has them."""
    for name in reversed(path):
        value = {name: [value] if name in IN_LISTS else value}
    return {"model": "m", **value}


def tokens(body, shape):
    return bound_input(json.dumps(body).encode(), shape.media.found_in).tokens


@pytest.mark.parametrize("name", SHAPES)
def test_media_at_its_place_is_no_text(name):
    shape = SHAPES[name]
    held = {path: tokens(at(path, leaf(form, PICTURE)), shape) for path, form in shape.media.places.items()}

    # A file is read as a file, whatever it calls itself.
    most = {
        path: len(PICTURE) / 2.9 if form is Form.FILE else ANY.image + 1_500
        for path, form in shape.media.places.items()
    }
    assert {path: figure for path, figure in held.items() if figure >= most[path]} == {}


@pytest.mark.parametrize("claim", ["audio", "image/png", "data:image/png;base64,", "input_audio", "application/pdf"])
@pytest.mark.parametrize("name", SHAPES)
def test_text_beside_a_claim_is_text(name, claim):
    shape = SHAPES[name]
    words = f"{claim} " * 10 + "what is said in words " * 2_000
    held = {}
    for path, form in shape.media.places.items():
        end = path[-1]
        bodies = {
            "in a tool's arguments": at((*path[:2], "arguments"), {claim: claim, "data": PROSE, "file_data": PROSE}),
            "below the place": at((*path, "more"), {claim: claim, end: leaf(form, PROSE), "data": PROSE}),
            "beside the place": at((*path[:-1], f"x{end}"), leaf(form, PROSE)),
            "in a schema": {"tools": [{"parameters": at(path, leaf(form, PROSE)) | {claim: claim}}]},
            "in a text": at(("messages", "content"), {"text": json.dumps(at(path, leaf(form, PROSE)))}),
            "words at the place": at(path, leaf(form, words)),
            "words behind base64": at(path, leaf(form, PICTURE + words)),
            "no base64 that is said to be some": at(path, {"type": "text", "media_type": claim, "data": PROSE}),
            "an address": at(path, f"https://example.com/?{claim}={PROSE}"),
        }
        if form not in (Form.URL, Form.SOURCE, Form.BLOB):
            del bodies["an address"]
            bodies["words at the place"] = at(path, words)
        held |= {(path, case): tokens(body, shape) for case, body in bodies.items()}

    assert {case: figure for case, figure in held.items() if figure < len(PROSE) / 3} == {}


@pytest.mark.parametrize("escaped", [False, True])
def test_base64_that_is_written_with_escapes_is_media(escaped):
    url = "data:image/png;base64," + PICTURE
    body = json.dumps(at(("messages", "content", "image_url", "url"), url))
    body = body.replace("/", "\\/").replace("+", "\\u002B")
    if escaped:
        body = body.replace("image_url", "im\\u0061ge_url")

    assert bound_input(body.encode(), SHAPES["chat_completions"].media.found_in).tokens < ANY.image + 20_000


def test_half_a_character_hides_no_media():
    body = json.dumps(at(("messages", "content", "image_url", "url"), "data:image/png;base64," + PICTURE))
    body = body.replace('"model": "m"', '"model": "m", "user": "\\ud83d"')

    assert bound_input(body.encode(), SHAPES["chat_completions"].media.found_in).tokens < ANY.image + 500


def test_small_images_count_as_images_too():
    part = {"image_url": {"url": "data:image/gif;base64,R0lGODlhAQABAAAAACw="}}
    body = {"messages": [{"content": [part] * 10}]}
    source = {"type": "base64", "media_type": "image/gif", "data": "R0lGODlhAQABAAAAACw="}
    blocks = {"messages": [{"content": [{"source": source}] * 10}]}

    for shape, written in (("chat_completions", body), ("messages", blocks)):
        found = list(SHAPES[shape].media.found_in(json.dumps(written).encode()))
        assert found == [Medium(MediumKind.IMAGE, b"R0lGODlhAQABAAAAACw=")] * 10


NAMES = st.sampled_from(["messages", "content", "image_url", "url", "input_audio", "data", "file", "file_data", "x"])
DATA = st.sampled_from(
    ["data:image/png;base64,QUJD", "data:audio/wav;base64,QUJD", "data:,QUJD", "QUJD", "A B", PICTURE, None, 1]
)
DOCUMENTS = st.dictionaries(
    NAMES,
    st.recursive(
        DATA,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
        max_leaves=20,
    ),
)
CHAT = {
    "messages.content.image_url": "data:",
    "messages.content.image_url.url": "data:",
    "messages.content.video_url.url": "data:",
    "messages.content.audio_url.url": "data:",
    "messages.content.input_audio.data": "",
    "messages.content.file.file_data": "",
}


def strings(value, path=()):
    """Every text of a document that no list in a list hides, and the names that lead to it."""
    if isinstance(value, str):
        yield ".".join(path), value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from strings(inner, (*path, name))
    elif isinstance(value, list):
        for one in value:
            if not isinstance(one, list):
                yield from strings(one, path)


@given(DOCUMENTS)
def test_what_is_found_is_what_stands_at_the_places(document):
    written = [text for path, text in strings(document) if text.startswith(CHAT.get(path, "\0"))]
    expected = [text.rpartition(",")[2] for text in written if " " not in text and not text.startswith("data:,")]

    found = SHAPES["chat_completions"].media.found_in(json.dumps(document).encode())

    assert sorted(medium.encoded.decode() for medium in found) == sorted(expected)


@given(DOCUMENTS)
def test_what_is_long_is_held_as_if_it_were_not_taken_out(document):
    body = json.dumps(document).encode()
    media = SHAPES["chat_completions"].media

    plain, spaced = bound_input(body, media.found_in), bound_input(body.replace(b'"data:', b' "data:'), media.found_in)

    assert abs(plain.tokens - spaced.tokens) <= body.count(b'"data:')
    assert plain.beside == spaced.beside


REQUESTS = [
    ("chat_completions", openai.types.chat.completion_create_params.CompletionCreateParamsNonStreaming),
    ("responses", openai.types.responses.response_create_params.ResponseCreateParamsNonStreaming),
    ("messages", anthropic.types.message_create_params.MessageCreateParamsNonStreaming),
    ("messages", anthropic.types.beta.message_create_params.MessageCreateParamsNonStreaming),
]
OF_MEDIA = ("data", "file_data", "image_url", "bytes")
TEXT = {
    ("messages", "content", "data"): "what the model thought, encrypted: it reads that again as tokens",
    ("prompt", "variables", "image_url"): "named as the caller likes; counts as text beside the image",
    ("prompt", "variables", "file_data"): "named as the caller likes",
}
"""What is called like media and counts as text, and why."""


def is_called_like_media(path):
    return path[-1] in OF_MEDIA or path[-2:] == ("image_url", "url")


@pytest.mark.parametrize(("name", "request_type"), REQUESTS)
def test_every_medium_of_the_sdk_s_types_is_known(name, request_type):
    found = set(filter(is_called_like_media, texts_in(request_type)))
    known = SHAPES[name].media.places

    assert found
    assert {path for path in found if path not in known and path[:-1] not in known} <= TEXT.keys()
