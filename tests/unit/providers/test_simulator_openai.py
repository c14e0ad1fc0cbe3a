"""OpenAI's SDK reads the simulator's own bytes."""

import asyncio
import base64
import io
import json
import math
import struct
import wave

import openai
import pytest
from pydantic import BaseModel

from tests.support.simulator import openai_sdk

HELLO = [{"role": "user", "content": "Hello there"}]
SAID = "This is the simulator. You said: Hello there"
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 3},
        "when": {"type": "string", "format": "date"},
        "unneeded": {"type": "string"},
    },
    "required": ["city", "unit", "days", "when"],
}
ARGUMENTS = {"city": "example", "unit": "celsius", "days": 3, "when": "2026-01-01"}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
FLAT_WEATHER = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}


class Street(BaseModel):
    name: str
    number: int


class Person(BaseModel):
    name: str
    adult: bool
    home: Street
    nick: str | None


def run(call, **section):
    """What `call(client)` returns; streams are read inside it."""

    async def main():
        async with openai_sdk(**section) as client:
            return await call(client)

    return asyncio.run(main())


async def collected(stream):
    return [event async for event in await stream]


def test_chat():
    answer = run(lambda client: client.chat.completions.create(model="gpt-5", messages=HELLO))

    assert answer.choices[0].message.content == SAID
    assert (answer.model, answer.choices[0].finish_reason) == ("gpt-5", "stop")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens == 0


def test_the_same_request_has_the_same_answer_and_another_one_another():
    ask = lambda text: run(  # noqa: E731
        lambda client: client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])
    )

    assert ask("a") == ask("a")
    assert ask("a").id != ask("b").id


@pytest.mark.parametrize("reports", [True, False])
def test_chat_stream(reports):
    options = {"stream_options": {"include_usage": True}} if reports else {}
    chunks = run(
        lambda client: collected(client.chat.completions.create(model="m", messages=HELLO, stream=True, **options))
    )
    deltas = [chunk.choices[0] for chunk in chunks if chunk.choices]

    assert deltas[0].delta.role == "assistant"
    assert "".join(choice.delta.content or "" for choice in deltas) == SAID
    assert [choice.finish_reason for choice in deltas if choice.finish_reason] == ["stop"]
    assert [bool(chunk.usage) for chunk in chunks] == [False] * len(deltas) + [True] * reports


def test_the_chat_stream_helper_folds_the_chunks():
    async def call(client):
        async with client.chat.completions.stream(
            model="m", messages=HELLO, stream_options={"include_usage": True}
        ) as stream:
            return await stream.get_final_completion()

    answer = run(call)

    assert answer.choices[0].message.content == SAID
    assert answer.usage.completion_tokens == len(SAID.split())


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("Please use get_weather for me", {}),
        ("[[tool get_weather]]", {}),
        ("Hello", {"tool_choice": "required"}),
        ("Hello", {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}),
    ],
)
def test_a_wanted_tool_is_called_whole_and_streamed(content, options):
    request = {"model": "m", "messages": [{"role": "user", "content": content}], "tools": [WEATHER], **options}

    async def streamed(client):
        async with client.chat.completions.stream(**request) as stream:
            return await stream.get_final_completion()

    for call in (lambda client: client.chat.completions.create(**request), streamed):
        choice = run(call).choices[0]
        (tool_call,) = choice.message.tool_calls

        assert choice.finish_reason == "tool_calls"
        assert choice.message.content is None
        assert tool_call.function.name == "get_weather"
        assert json.loads(tool_call.function.arguments) == ARGUMENTS


@pytest.mark.parametrize(
    ("messages", "options"),
    [
        (HELLO, {}),
        ([{"role": "user", "content": "forget_weather"}], {}),
        ([{"role": "user", "content": "get_weather"}], {"tool_choice": "none"}),
    ],
)
def test_an_unwanted_tool_is_not_called(messages, options):
    answer = run(
        lambda client: client.chat.completions.create(model="m", messages=messages, tools=[WEATHER], **options)
    )

    assert answer.choices[0].message.tool_calls is None


def test_a_tools_result_is_answered_in_text():
    messages = [
        {"role": "user", "content": "get_weather please"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "17 degrees"},
    ]
    answer = run(lambda client: client.chat.completions.create(model="m", messages=messages, tools=[WEATHER]))

    assert answer.choices[0].message.content == "The tool answered: 17 degrees"


def test_a_structured_answer_parses_whole_and_streamed():
    async def streamed(client):
        async with client.chat.completions.stream(model="m", messages=HELLO, response_format=Person) as stream:
            return await stream.get_final_completion()

    for call in (
        lambda client: client.chat.completions.parse(model="m", messages=HELLO, response_format=Person),
        streamed,
    ):
        assert run(call).choices[0].message.parsed == Person(
            name="example", adult=True, home=Street(name="example", number=1), nick="example"
        )


@pytest.mark.parametrize(
    ("options", "text", "finish"),
    [
        ({"max_tokens": 3}, "This is the", "length"),
        ({"max_completion_tokens": 2}, "This is", "length"),
        ({"stop": "simul"}, "This is the ", "stop"),
        ({"stop": ["You", "the"]}, "This is ", "stop"),
        ({"stop": "never", "max_tokens": 1000}, SAID, "stop"),
    ],
)
def test_the_ends_of_a_text(options, text, finish):
    choice = run(lambda client: client.chat.completions.create(model="m", messages=HELLO, **options)).choices[0]

    assert (choice.message.content, choice.finish_reason) == (text, finish)


def test_completions():
    whole = run(lambda client: client.completions.create(model="m", prompt="Hello there"))
    chunks = run(lambda client: collected(client.completions.create(model="m", prompt="Hello there", stream=True)))

    assert whole.choices[0].text == SAID
    assert "".join(chunk.choices[0].text for chunk in chunks) == SAID


def test_responses():
    answer = run(lambda client: client.responses.create(model="m", input="Hello there"))

    assert (answer.output_text, answer.status) == (SAID, "completed")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_a_conversation_is_compacted_and_counted():
    said = {"model": "m", "input": [*HELLO, {"role": "assistant", "content": "hi"}]}
    compacted = run(lambda client: client.responses.compact(**said))
    counted = run(lambda client: client.responses.input_tokens.count(**said))

    assert [item.type or item.role for item in compacted.output] == ["user", "compaction"]
    assert compacted.usage.total_tokens > counted.input_tokens > 0


def test_the_responses_stream_has_its_events_in_order():
    events = run(lambda client: collected(client.responses.create(model="m", input="Hello there", stream=True)))

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert list(dict.fromkeys(event.type for event in events)) == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


@pytest.mark.parametrize(
    ("request_", "read", "expected"),
    [
        ({"input": "Hello there"}, lambda answer: answer.output_text, SAID),
        (
            {"input": "get_weather", "tools": [FLAT_WEATHER]},
            lambda answer: json.loads(answer.output[0].arguments),
            ARGUMENTS,
        ),
        (
            {"input": "Hi", "tools": [FLAT_WEATHER], "tool_choice": "required"},
            lambda answer: answer.output[0].name,
            "get_weather",
        ),
        (
            {"input": "get_weather", "tools": [FLAT_WEATHER], "tool_choice": "none"},
            lambda answer: answer.output[0].type,
            "message",
        ),
        ({"input": "Hi", "text_format": Street}, lambda answer: answer.output_parsed, Street(name="example", number=1)),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "17"}], "tools": [FLAT_WEATHER]},
            lambda answer: answer.output_text,
            "The tool answered: 17",
        ),
    ],
)
def test_the_responses_stream_helper_folds_the_events(request_, read, expected):
    async def call(client):
        async with client.responses.stream(model="m", **request_) as stream:
            return await stream.get_final_response()

    assert read(run(call)) == expected


def test_a_response_cut_at_its_limit_is_incomplete():
    answer = run(lambda client: client.responses.create(model="m", input="Hello there", max_output_tokens=2))

    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert answer.output_text == "This is"


@pytest.mark.parametrize(
    ("model", "options", "dimensions"),
    [
        ("text-embedding-3-small", {}, 1536),
        ("text-embedding-3-large", {}, 3072),
        ("text-embedding-3-small", {"dimensions": 7}, 7),
        ("text-embedding-3-small", {"dimensions": 7, "encoding_format": "float"}, 7),
    ],
)
def test_embeddings_are_unit_vectors_that_depend_on_the_text_alone(model, options, dimensions):
    """Without `encoding_format` the SDK asks for base64 and decodes it."""

    def vectors(*texts):
        answer = run(lambda client: client.embeddings.create(model=model, input=list(texts), **options))
        assert answer.usage.prompt_tokens > 0
        return [one.embedding for one in answer.data]

    first, second, third = vectors("a", "b", "a")

    assert len(first) == dimensions
    assert math.isclose(sum(value * value for value in first), 1, rel_tol=1e-5)
    assert first == third != second
    assert vectors("a") == [first]


def test_base64_and_floats_are_the_same_vector():
    def vector(encoding):
        sent = {"model": "m", "input": "a", "dimensions": 5, "encoding_format": encoding}
        return run(lambda client: client.embeddings.create(**sent)).data[0].embedding

    assert struct.unpack("<5f", base64.b64decode(vector("base64"))) == pytest.approx(vector("float"))


@pytest.mark.parametrize(("given", "count"), [("a", 1), (["a", "b"], 2), ([1, 2, 3], 1), ([[1, 2], [3]], 2)])
def test_the_forms_of_an_embeddings_input(given, count):
    answer = run(lambda client: client.embeddings.create(model="m", input=given, dimensions=4))

    assert [one.index for one in answer.data] == list(range(count))


def test_moderations_flag_nothing():
    answer = run(lambda client: client.moderations.create(input=["a", "b"]))

    assert [result.flagged for result in answer.results] == [False, False]
    assert answer.results[0].categories.self_harm_intent is False


def test_images_are_png():
    answer = run(lambda client: client.images.generate(model="gpt-image-1", prompt="a cat", n=2))

    assert [base64.b64decode(image.b64_json)[:8] for image in answer.data] == [b"\x89PNG\r\n\x1a\n"] * 2


def test_speech_is_a_wave_file():
    answer = run(lambda client: client.audio.speech.create(model="tts-1", voice="alloy", input="Hi"))

    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 24000, 2400)


@pytest.mark.parametrize(
    ("form", "text_of"),
    [
        ("json", lambda answer: answer.text),
        ("text", lambda answer: answer),
        ("verbose_json", lambda answer: answer.text if answer.duration == 1.0 else ""),
    ],
)
def test_transcriptions(form, text_of):
    sound = ("a.wav", b"RIFF\r\n\x00\xff--\r\nname", "audio/wav")
    answer = run(lambda client: client.audio.transcriptions.create(model="whisper-1", file=sound, response_format=form))

    assert text_of(answer).startswith("This is the simulator. It heard ")


def test_transcriptions_stream():
    sound = ("a.wav", b"RIFF", "audio/wav")
    events = run(
        lambda client: collected(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound, stream=True))
    )

    assert "".join(event.delta for event in events[:-1]).strip() == events[-1].text


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (400, openai.BadRequestError, "invalid_request_error", None),
        (401, openai.AuthenticationError, "invalid_request_error", "invalid_api_key"),
        (403, openai.PermissionDeniedError, "invalid_request_error", None),
        (404, openai.NotFoundError, "invalid_request_error", "model_not_found"),
        (409, openai.ConflictError, "invalid_request_error", None),
        (422, openai.UnprocessableEntityError, "invalid_request_error", None),
        (429, openai.RateLimitError, "requests", "rate_limit_exceeded"),
        (500, openai.InternalServerError, "server_error", None),
        (503, openai.InternalServerError, "server_error", None),
    ],
)
def test_asked_for_errors_become_the_sdks_exceptions(status, error, kind, code):
    messages = [{"role": "user", "content": f"[[status {status}]]"}]

    with pytest.raises(error) as raised:
        run(lambda client: client.chat.completions.create(model="m", messages=messages))

    message = f"The prompt asked for status {status}."
    assert raised.value.body == {"message": message, "type": kind, "param": None, "code": code}
    assert (raised.value.status_code, raised.value.request_id) == (status, "req_simulator")


def test_a_model_that_is_not_declared_does_not_exist():
    with pytest.raises(openai.NotFoundError) as raised:
        run(lambda client: client.chat.completions.create(model="other", messages=HELLO), models=["mine"])

    assert raised.value.code == "model_not_found"
    assert (
        run(lambda client: client.chat.completions.create(model="mine", messages=HELLO), models=["mine"]).model
        == "mine"
    )


@pytest.mark.parametrize(
    ("wrong", "message", "param"),
    [
        ({"stream_options": 5}, "stream_options: Input should be an object", "stream_options"),
        ({"tools": 5}, "tools: Input should be a list", "tools"),
        (
            {"response_format": {"type": "json_schema", "json_schema": 5}},
            "The request is not one that the simulator can read: a field has the wrong type.",
            None,
        ),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_a_field_of_the_wrong_type_is_refused_without_a_word_on_the_inside(wrong, message, param, streams):
    with pytest.raises(openai.BadRequestError) as raised:
        run(lambda client: client.chat.completions.create(model="m", messages=HELLO, stream=streams, extra_body=wrong))

    assert (raised.value.body["message"], raised.value.param) == (message, param)
