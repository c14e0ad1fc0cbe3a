"""Every client's API at every provider's: that the pair is there, and that nothing of what was said is lost on it."""

import functools
import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from anthropic.types import Message
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types as google_types
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses import Response
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import BaseModel, TypeAdapter
from pydantic.alias_generators import to_camel

from gateway.errors import GatewayError
from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    CallBegun,
    Called,
    CallEnd,
    Event,
    SaidText,
    Stopped,
    TextEnd,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.lanes.base import Asked, Target, UntranslatableAnswer
from gateway.lanes.carried_tools import CarriedTools
from gateway.lanes.conversation import (
    Call,
    Choice,
    Conversation,
    Document,
    Feature,
    Format,
    Given,
    Image,
    Inline,
    Opaque,
    Part,
    PlainText,
    Result,
    Role,
    SearchResult,
    Text,
    Tool,
    Turns,
)
from gateway.lanes.losses import Carried, Losses
from gateway.lanes.pairs import CLIENTS, PROVIDERS, TRANSLATIONS
from gateway.lanes.sealing import PREFIX, Seal
from gateway.shapes.ending import Stop
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.progress import Progress
from gateway.usage import Usage
from gateway.wire.sse_events import EventSplitter
from tests.support.folded import folded

SEAL = Seal((b"k" * 32,))
MODELS = {
    "messages": "claude-sonnet-4-5",
    "chat_completions": "some-model",
    "converse": "amazon.nova-lite-v1:0",
    "generate_content": "gemini-3-flash-preview",
    "responses": "gpt-5.4",
}
USAGE = Usage(input_tokens=15, output_tokens=7, cache_read_tokens=4)
ANSWERS: Mapping[str, Any] = {
    "chat_completions": ChatCompletion,
    "messages": Message,
    "responses": Response,
    "generate_content": google_types.GenerateContentResponse,
}


def asked(provider: str = "up", kept: Any = None) -> Asked:
    return Asked(
        model="smart",
        include_usage=True,
        request_id="grq_01JAB",
        created=1_700_000_000,
        provider=provider,
        kept=kept,
        seal=SEAL,
    )


def test_every_client_reaches_every_api_of_providers():
    assert set(TRANSLATIONS) == {(client, spoken) for client in CLIENTS for spoken in PROVIDERS if client != spoken}
    assert {"chat_completions", "messages", "responses", "generate_content"} == set(CLIENTS)
    assert {"chat_completions", "messages", "converse", "responses", "generate_content"} == set(PROVIDERS)


@pytest.mark.parametrize("spoken", PROVIDERS)
def test_every_feature_is_treated_by_every_api_of_providers(spoken):
    table = PROVIDERS[spoken].table

    assert {feature for feature in Feature if feature not in table} == set()
    assert all(row.note.endswith(".") for row in table.values())


@pytest.mark.parametrize("client", CLIENTS)
def test_what_clients_name_differs_from_lane_to_lane_only_by_feature(client):
    rows = CLIENTS[client].table

    assert any(isinstance(row, Carried) for row in rows.values())
    for (named, _), translation in TRANSLATIONS.items():
        if named == client:
            assert set(translation.table.rows) == set(rows)


# What a provider answers, in its own API: by the client's side of it, where it has one.


def events_of(answer: Answer) -> Iterable[Event]:
    yield Begun("id_1")
    for key, block in enumerate(answer.blocks):
        if isinstance(block, SaidText):
            yield from (TextPiece(piece) for piece in (block.text[:2], block.text[2:]) if piece)
            yield TextEnd()
        elif isinstance(block, Thought):
            yield from (ThoughtPiece(piece) for piece in (block.text[:1], block.text[1:]) if piece)
            yield ThoughtEnd(block.opaque)
        elif isinstance(block, Called):
            yield CallBegun(key, block.id, block.name)
            yield from (ArgumentsPiece(key, piece) for piece in (block.arguments[:3], block.arguments[3:]) if piece)
            yield CallEnd(key)
    yield Stopped(answer.stop)
    yield UsageStated(answer.usage or Usage())


def by_converse(answer: Answer) -> bytes:
    content = []
    for block in answer.blocks:
        if isinstance(block, SaidText):
            content.append({"text": block.text})
        elif isinstance(block, Thought):
            signature = {} if block.opaque is None else dict(block.opaque.state)
            content.append({"reasoningContent": {"reasoningText": {"text": block.text, **signature}}})
        elif isinstance(block, Called):
            use = {"toolUseId": block.id, "name": block.name, "input": json.loads(block.arguments)}
            content.append({"toolUse": use})
    usage = answer.usage or Usage()
    return json.dumps(
        {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": STOPS[answer.stop],
            "usage": {
                "inputTokens": usage.input_tokens - usage.cache_read_tokens,
                "outputTokens": usage.output_tokens,
                "cacheReadInputTokens": usage.cache_read_tokens,
            },
        }
    ).encode()


STOPS = {
    Stop.FINISHED: "end_turn",
    Stop.LENGTH: "max_tokens",
    Stop.FILTERED: "content_filtered",
    Stop.TOOL_CALL: "tool_use",
}


def events_by_converse(answer: Answer) -> Iterable[tuple[str, bytes]]:
    said: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    for index, block in enumerate(answer.blocks):
        at = {"contentBlockIndex": index}
        if isinstance(block, Called):
            use = {"toolUseId": block.id, "name": block.name}
            said.append(("contentBlockStart", {**at, "start": {"toolUse": use}}))
            pieces: list[Any] = [{"toolUse": {"input": piece}} for piece in (block.arguments[:2], block.arguments[2:])]
        elif isinstance(block, Thought):
            proof = {"signature": "c2ln"} if block.opaque is None else dict(block.opaque.state)
            pieces = [{"reasoningContent": one} for one in ({"text": block.text}, proof)]
        else:
            pieces = [{"text": piece} for piece in (block.text[:1], block.text[1:]) if piece]
        said += [("contentBlockDelta", {**at, "delta": piece}) for piece in pieces]
        said.append(("contentBlockStop", at))
    whole = json.loads(by_converse(answer))
    said += [("messageStop", {"stopReason": whole["stopReason"]}), ("metadata", {"usage": whole["usage"]})]
    return [(name, json.dumps(data).encode()) for name, data in said]


def whole_by(spoken: str, answer: Answer) -> bytes:
    return by_converse(answer) if spoken == "converse" else CLIENTS[spoken].write_answer(answer, asked())


def events_by(spoken: str, answer: Answer) -> Iterable[tuple[str, bytes]]:
    if spoken == "converse":
        return events_by_converse(answer)
    writer = CLIENTS[spoken].write_stream(asked())
    return EventSplitter().feed(b"".join([writer.write(event) for event in events_of(answer)]) + writer.end())


def read_stream(spoken: str, events: Iterable[tuple[str, bytes]], provider: str = "up") -> Answer:
    reader = PROVIDERS[spoken].read_stream(asked(provider))
    read = [event for name, data in events for event in reader.feed(name, data)]
    assert reader.finished
    return folded(read)


def view(answer: Answer) -> tuple[Any, ...]:
    """What every API can say of an answer."""
    usage = answer.usage or Usage()
    return (
        "".join(block.text for block in answer.blocks if isinstance(block, SaidText)),
        "".join(block.text for block in answer.blocks if isinstance(block, Thought)),
        [
            (block.id, block.name, json.loads(block.arguments or "{}"))
            for block in answer.blocks
            if isinstance(block, Called)
        ],
        answer.stop,
        (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens),
    )


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)
ARGUMENTS = st.dictionaries(WORDS, WORDS | st.integers() | st.booleans(), max_size=2).map(json.dumps)


@st.composite
def answers(draw: Any) -> Answer:
    blocks: list[Any] = [Thought(text) for text in draw(st.lists(WORDS, max_size=1))]
    blocks += [SaidText(text) for text in draw(st.lists(WORDS.filter(str.strip), min_size=1, max_size=1))]
    calls = draw(st.lists(st.tuples(st.sampled_from(["look", "now"]), ARGUMENTS), max_size=3))
    blocks += [Called(f"call_{index}", name, arguments) for index, (name, arguments) in enumerate(calls)]
    # What a filter ends is a refusal in some APIs, and a reason to stop in others.
    stop = Stop.TOOL_CALL if calls else draw(st.sampled_from([Stop.FINISHED, Stop.LENGTH]))
    return Answer(blocks, stop=stop, usage=USAGE)


PAIRS = tuple(pair for pair in TRANSLATIONS if pair[1] == "converse" or pair[1] in CLIENTS)


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
@given(answer=answers())
def test_an_answer_says_the_same_in_every_api_whole_and_streamed(client, spoken, answer):
    translation = TRANSLATIONS[client, spoken]
    whole = translation.response(whole_by(spoken, answer), asked())
    stream = translation.stream(asked())
    streamed = b"".join([stream.feed(name, data) for name, data in events_by(spoken, answer)]) + stream.end()

    ANSWERS[client].model_validate_json(whole)
    assert stream.finished
    if client in PROVIDERS:
        assert view(PROVIDERS[client].read_answer(whole, asked())) == view(answer)
        assert view(read_stream(client, EventSplitter().feed(streamed))) == view(answer)


@pytest.mark.parametrize("spoken", [spoken for spoken in PROVIDERS if spoken == "converse" or spoken in CLIENTS])
@given(answer=answers())
def test_a_providers_stream_folds_to_its_whole_answer(spoken, answer):
    whole = PROVIDERS[spoken].read_answer(whole_by(spoken, answer), asked())

    assert view(read_stream(spoken, events_by(spoken, answer))) == view(whole) == view(answer)


# Failures, in the words of the provider and the form of the client.

BUSY = "The model is busy: sorry."
FAILURES: Mapping[str, tuple[str, Any]] = {
    "messages": ("error", {"type": "error", "error": {"type": "overloaded_error", "message": BUSY}}),
    "chat_completions": ("", {"error": {"message": BUSY, "type": "server_error"}}),
    "responses": (
        "response.failed",
        {
            "type": "response.failed",
            "response": {"status": "failed", "output": [], "error": {"code": "server_error", "message": BUSY}},
        },
    ),
    "generate_content": ("", {"error": {"code": 503, "message": BUSY, "status": "UNAVAILABLE"}}),
    "converse": ("modelStreamErrorException", {"message": BUSY}),
}
LONG_ANSWER = Answer(
    [Thought("hm"), SaidText("So it is."), Called("call_1", "look", '{"a": 1}'), Called("call_2", "now", "{}")],
    stop=Stop.TOOL_CALL,
    usage=USAGE,
)


@pytest.mark.parametrize(("client", "spoken"), PAIRS)
def test_an_error_keeps_its_words_whole_and_wherever_a_stream_breaks(client, spoken):
    translation, (name, failure) = TRANSLATIONS[client, spoken], FAILURES[spoken]
    told = json.loads(translation.error(529, json.dumps(failure.get("response", failure)).encode()))
    assert BUSY in told["error"]["message"]

    events = list(events_by(spoken, LONG_ANSWER))
    shape = ENDPOINTS[client].shape
    for kept in range(len(events)):
        stream, progress = translation.stream(asked()), Progress(shape.events)
        sent = b"".join([stream.feed(*event) for event in events[:kept]])
        if stream.finished:
            break
        progress.feed(sent)
        with pytest.raises(UntranslatableAnswer, match=BUSY):
            stream.feed(name, json.dumps(failure).encode())
        broken = GatewayError("provider_error", BUSY, code="upstream_mid_stream_failure")
        frame = shape.terminal_frame(broken, progress, at_boundary=True)
        (last,) = EventSplitter().feed(frame)
        error = json.loads(last[1])
        assert BUSY in str(error.get("error") or error.get("response", error))
        if client == "responses" and sent:
            numbers = [json.loads(data)["sequence_number"] for _, data in EventSplitter().feed(sent + frame)]
            assert (numbers, last[0]) == (list(range(len(numbers))), "response.failed")
    assert kept > 1


# Conversations that go from one provider to another.


class History:
    """What a client of one API has of its conversation."""

    def __init__(self, client: str) -> None:
        self.client = client
        is_googles = client == "generate_content"
        self.said: list[Any] = [{"role": "user", **({"parts": [{"text": "Hi"}]} if is_googles else {"content": "Hi"})}]

    def body(self) -> dict[str, Any]:
        name = {"responses": "input", "generate_content": "contents"}.get(self.client, "messages")
        limit = {"max_tokens": 4000} if self.client == "messages" else {}
        return {"model": "smart", name: self.said, **limit}

    def answered(self, whole: bytes) -> None:
        answer = json.loads(whole)
        if self.client == "responses":
            self.said += answer["output"]
            calls = [item["call_id"] for item in answer["output"] if item["type"] == "function_call"]
            self.said += [{"type": "function_call_output", "call_id": call, "output": "ok"} for call in calls]
        elif self.client == "generate_content":
            content = answer["candidates"][0]["content"]
            self.said.append(content)
            names = [part["functionCall"]["name"] for part in content["parts"] if "functionCall" in part]
            results = [{"functionResponse": {"name": name, "response": {"result": "ok"}}} for name in names]
            self.said.append({"role": "user", "parts": results})
        elif self.client == "messages":
            self.said.append({"role": "assistant", "content": answer["content"]})
            calls = [block["id"] for block in answer["content"] if block["type"] == "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": call, "content": "ok"} for call in calls]
            self.said.append({"role": "user", "content": results})
        else:
            message = answer["choices"][0]["message"]
            self.said.append(message)
            calls = [call["id"] for call in message["tool_calls"]]
            self.said += [{"role": "tool", "tool_call_id": call, "content": "ok"} for call in calls]


class Provider:
    """A provider by its name and its API, and who takes back what it gives."""

    def __init__(self, name: str, spoken: str, origin: str) -> None:
        self.name, self.spoken, self.origin = name, spoken, origin

    def answer(self, turn: int) -> Answer:
        """A thought, which one turn alone has, with what proves it."""
        member = "thoughtSignature" if self.spoken == "generate_content" else "signature"
        proof = Opaque(self.origin, {member: f"proof{turn}"}) if self.spoken != "chat_completions" else None
        blocks = [Thought(f"thought{turn}", proof), SaidText("So."), Called(f"call_{turn}", "look", "{}")]
        return Answer(blocks, stop=Stop.TOOL_CALL, usage=USAGE)


ALL = (
    Provider("ant", "messages", "anthropic"),
    Provider("vertex", "messages", "anthropic"),
    Provider("vllm", "chat_completions", "reasoning_content/vllm"),
    Provider("groq", "chat_completions", "reasoning_content/groq"),
    Provider("aws", "converse", "converse/aws"),
    Provider("google", "generate_content", "gemini"),
    Provider("gcp", "generate_content", "gemini"),
)


@pytest.mark.parametrize("client", CLIENTS)
@given(data=st.data())
def test_each_provider_gets_back_what_it_thought_and_nothing_that_another_did(client, data):
    reached = [one for one in ALL if (client, one.spoken) in TRANSLATIONS]
    route = data.draw(st.lists(st.sampled_from(reached), min_size=1, max_size=4))
    history = History(client)
    for turn, provider in enumerate(route):
        translation = TRANSLATIONS[client, provider.spoken]
        history.answered(translation.response(whole_by(provider.spoken, provider.answer(turn)), asked(provider.name)))
    for last in reached:
        translated = TRANSLATIONS[client, last.spoken].request(
            history.body(), model=MODELS[last.spoken], strict=True, provider=last.name, seal=SEAL
        )
        sent = json.dumps(translated.body)
        assert PREFIX not in sent
        for turn, provider in enumerate(route):
            comes_back = provider.origin == last.origin
            assert (f"thought{turn}" in sent) is comes_back
            assert (f"proof{turn}" in sent) is (comes_back and provider.spoken != "chat_completions")
            assert f"call_{turn}" in sent


# Requests, as the types of each API judge them.


@functools.cache
def converse_validator() -> Any:
    model = importlib.import_module("botocore.loaders").Loader().load_service_model("bedrock-runtime", "service-2")
    shape = importlib.import_module("botocore.model").ServiceModel(model).operation_model("Converse").input_shape
    validate = importlib.import_module("botocore.validate").ParamValidator().validate
    return lambda body: validate({"modelId": "m", **body}, shape).generate_report()


class _GoogleRequest(BaseModel, extra="forbid", alias_generator=to_camel):
    """A body of `generateContent`, of the SDK's types, which take no members beside their own."""

    contents: list[google_types.Content]
    system_instruction: google_types.Content | None = None
    tools: list[google_types.Tool] = []
    tool_config: google_types.ToolConfig | None = None
    generation_config: google_types.GenerationConfig | None = None
    service_tier: google_types.ServiceTier | None = None


VALIDATED: Mapping[str, Any] = {
    "chat_completions": TypeAdapter(CompletionCreateParamsNonStreaming).validate_python,
    "messages": TypeAdapter(MessageCreateParamsNonStreaming).validate_python,
    "generate_content": _GoogleRequest.model_validate,
    "responses": TypeAdapter(ResponseCreateParamsNonStreaming).validate_python,
}
PNG = Inline("image/png", "iVBORw0KGgo=")
PDF = Inline("application/pdf", "JVBERg==")
SHOWN: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, text=WORDS.filter(str.strip), path=st.just("t")),
    st.just(Image(source=PNG, path="i")),
    st.just(Document(source=PDF, name="plan", path="d")),
    st.just(Document(source=PlainText("words"), path="d")),
    st.just(SearchResult(title="T", source="https://a.example", texts=("a",), path="s")),
)
TOOL = Tool(name="look", path="tools[0]", schema={"type": "object", "properties": {}})
NOTE = Tool(name="note", path="tools[1]", grammar={"type": "grammar", "definition": "start: x", "syntax": "lark"})
LONG = Tool(name="x" * 100, path="tools[2]", group="team")


@st.composite
def conversations(draw: Any) -> Conversation:
    turns = Turns()
    if draw(st.booleans()):
        turns.say(Role.SYSTEM, [Text(text="Be brief.", path="m")], "m")
    for turn in range(draw(st.integers(1, 3))):
        turns.say(Role.USER, draw(st.lists(SHOWN, min_size=1, max_size=3)), "m")
        names = draw(st.lists(st.sampled_from([TOOL, NOTE, LONG]), max_size=2))
        calls = [
            Call(
                id=f"call|{turn}{index}",
                name=tool.name,
                group=tool.group,
                arguments=draw(st.sampled_from(["{}", "ls", '{"a":1}'])),
                is_custom=tool.grammar is not None,
                path="c",
            )
            for index, tool in enumerate(names)
        ]
        said: list[Part] = [Text(text=text, path="a") for text in draw(st.lists(WORDS.filter(str.strip), max_size=1))]
        turns.say(Role.ASSISTANT, [*said, *calls], "m")
        results = [
            Result(
                call_id=call.id, parts=tuple(draw(st.lists(SHOWN, max_size=2))), failed=draw(st.booleans()), path="r"
            )
            for call in calls
        ]
        turns.say(Role.USER, results, "m")
    turns.say(Role.USER, [Text(text="So?", path="m")], "m")
    return Conversation(
        turns=turns.made(),
        tools=(TOOL, NOTE, LONG),
        choice=draw(
            st.sampled_from([None, Choice("auto", "c"), Choice("required", "c"), Choice("required", "c", "note")])
        ),
        output_limit=Given(4000, "l"),
        temperature=draw(st.none() | st.just(Given(0.5, "temperature"))),
        stops=draw(st.none() | st.just(Given(("END",), "stop"))),
        format=draw(st.none() | st.just(Format(path="f", schema={"type": "object"}, name="a", description="b"))),
        end_user=draw(st.none() | st.just(Given("u", "user"))),
    )


def texts_in(parts: Sequence[Part]) -> Iterable[str]:
    for part in parts:
        if isinstance(part, Text):
            yield part.text
        elif isinstance(part, Result):
            yield from texts_in(part.parts)


@pytest.mark.parametrize("spoken", [spoken for spoken in PROVIDERS if spoken in MODELS])
@given(conversation=conversations())
def test_every_api_takes_what_is_written_for_it_and_nothing_said_is_missing(spoken, conversation):
    provider = PROVIDERS[spoken]
    table = next(one.table for (_, named), one in TRANSLATIONS.items() if named == spoken)
    carried = CarriedTools(conversation, provider.forms).carried(conversation)
    body = provider.write_request(carried, Target(MODELS[spoken], "up"), Losses(table, strict=False))
    written = json.dumps(body, ensure_ascii=False)

    if spoken == "converse":
        assert converse_validator()(json.loads(written)) == ""
    else:
        VALIDATED[spoken](json.loads(written))
    for turn in conversation.turns:
        assert all(json.dumps(text, ensure_ascii=False)[1:-1] in written for text in texts_in(turn.parts))
    calls = [part for turn in carried.turns for part in turn.parts if isinstance(part, Call)]
    assert all(len(call.name) <= provider.forms.longest_name and f'"{call.name}"' in written for call in calls)


CUSTOM = {
    "chat_completions": {"tools": [{"type": "custom", "custom": {"name": "note"}}]},
    "responses": {"tools": [{"type": "custom", "name": "note"}]},
}


@pytest.mark.parametrize(("client", "spoken"), [pair for pair in PAIRS if pair[0] in CUSTOM])
def test_a_custom_tool_is_called_with_its_text(client, spoken):
    translation = TRANSLATIONS[client, spoken]
    body = {**History(client).body(), **CUSTOM[client]}
    translated = translation.request(body, model=MODELS.get(spoken, "gpt-5"), strict=True)
    if PROVIDERS[spoken].forms.has_custom:
        return
    answer = Answer([Called("call_1", "note", '{"input": "ls"}')], stop=Stop.TOOL_CALL, usage=USAGE)

    whole = json.loads(translation.response(whole_by(spoken, answer), asked(kept=translated.kept)))

    if client == "responses":
        (item,) = [item for item in whole["output"] if item["type"] == "custom_tool_call"]
        assert (item["name"], item["input"]) == ("note", "ls")
    else:
        assert whole["choices"][0]["message"]["tool_calls"][0]["custom"] == {"name": "note", "input": "ls"}


def test_what_the_model_said_last_is_to_be_continued_for_messages_clients_alone():
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "So"}]
    in_responses = TRANSLATIONS["responses", "chat_completions"].request(
        {"model": "m", "input": said}, model="m", strict=True
    )
    with pytest.raises(GatewayError) as refused:
        TRANSLATIONS["messages", "chat_completions"].request(
            {"model": "m", "max_tokens": 9, "messages": said}, model="m", strict=True
        )

    assert in_responses.body["messages"] == said
    assert (refused.value.type, refused.value.param) == ("unsupported_parameter", "messages[1]")
