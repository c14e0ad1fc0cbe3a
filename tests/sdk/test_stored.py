"""What providers keep, by the vendors' own SDKs: routed to who holds it, and each key's own alone."""

import json
import threading

import anthropic
import httpx
import openai
import pytest

from tests.support.gateway import NO_TLS
from tests.support.keeper import Keeper
from tests.support.keys import HASH, SECRET, new_key
from tests.support.upstream import PlayedUpstream, response, stream

OTHER, NARROW = new_key(), new_key()
CONFIG = """
version: 1
providers:
  one: {{type: openai, api_key: sk-one, base_url: "{one}/v1"}}
  two: {{type: openai, api_key: sk-two, base_url: "{two}/v1"}}
  claude: {{type: anthropic, api_key: sk-three, base_url: "{claude}"}}
model_aliases:
  either: [one/gpt-5, two/gpt-5]
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}", fallback: {{chain: [one, two], on: [5xx, network_error]}}}}
  other: {{environment: test, secret_hash: "{other}"}}
  narrow: {{environment: test, secret_hash: "{narrow}", policy_rules: [{{tools: {{deny: ['^shell$']}}}}]}}
"""


@pytest.fixture(scope="module")
def providers():
    played = {name: PlayedUpstream() for name in ("one", "two", "claude")}
    yield played
    for one in played.values():
        one.close()


@pytest.fixture(scope="module")
def gateway(module_gateway, providers):
    urls = {name: one.url for name, one in providers.items()}
    return module_gateway(CONFIG.format(hash=HASH, other=OTHER[1], narrow=NARROW[1], **urls))


@pytest.fixture(autouse=True)
def keepers(providers):
    made = {}
    for name, one in providers.items():
        one.reset()
        one.play = made[name] = Keeper(f"{name}{id(made):x}")
    return made


def sdk(gateway, secret=SECRET):
    return openai.OpenAI(
        base_url=f"{gateway.url}/v1",
        api_key=secret,
        max_retries=0,
        http_client=httpx.Client(verify=NO_TLS, trust_env=False),
    )


@pytest.fixture
def client(gateway):
    with sdk(gateway) as client:
        yield client


@pytest.fixture
def stranger(gateway):
    with sdk(gateway, OTHER[0]) as client:
        yield client


@pytest.fixture
def claude(gateway):
    http = anthropic.DefaultHttpxClient(verify=NO_TLS, trust_env=False)
    with anthropic.Anthropic(base_url=gateway.url, api_key=SECRET, max_retries=0, http_client=http) as client:
        yield client


def asked(upstream):
    return [one.request_line.rsplit(" ", 1)[0] for one in upstream.requests]


def test_a_response_is_fetched_listed_and_deleted_where_it_is(client, providers):
    made = client.responses.create(model="two/gpt-5", input="hi")

    assert client.responses.retrieve(made.id).output_text == "kept"
    assert list(client.responses.input_items.list(made.id, limit=3)) == []
    client.responses.cancel(made.id)
    client.responses.delete(made.id)
    path = f"/v1/responses/{made.id}"
    assert asked(providers["two"])[1:] == [
        f"GET {path}",
        f"GET {path}/input_items?limit=3",
        f"POST {path}/cancel",
        f"DELETE {path}",
    ]
    assert not providers["one"].requests
    assert providers["two"].requests[1].headers["authorization"] == "Bearer sk-two"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


@pytest.mark.parametrize("streams", [False, True])
def test_a_conversation_goes_on_where_it_began(client, providers, keepers, streams):
    def create(**more):
        made = client.responses.create(model="either", input="hi", stream=streams, **more)
        return [*made][-1].response if streams else made

    first = create()
    providers["one"].play = keepers["two"]  # from here on all say the same
    held = "one" if providers["one"].requests else "two"
    for _ in range(4):
        again = create(previous_response_id=first.id)
    assert again.id
    assert len(providers[held].requests) == 5
    assert create(conversation=client.conversations.create().id).id


def test_what_a_request_names_is_at_its_provider_alone(client, providers):
    made = client.responses.create(model="one/gpt-5", input="hi")
    providers["one"].play = lambda _: response(b"{}", 503)
    providers["two"].reset()

    with pytest.raises(openai.InternalServerError) as refused:
        client.responses.create(model="either", input="hi", previous_response_id=made.id)
    assert f"{made.id} is held by one, so no other provider can answer for it" in str(refused.value)
    assert not providers["two"].requests


def test_a_model_that_is_elsewhere_cannot_go_on(stranger, providers):
    made = stranger.responses.create(model="one/gpt-5", input="hi")

    with pytest.raises(openai.BadRequestError, match="held by the provider one, and 'two/gpt-5' does not lead there"):
        stranger.responses.create(model="two/gpt-5", input="hi", previous_response_id=made.id)
    assert not providers["two"].requests


def test_an_answer_that_is_not_stored_is_not_remembered(client):
    made = client.responses.create(model="one/gpt-5", input="hi", store=False)

    with pytest.raises(openai.NotFoundError, match="There is no"):
        client.responses.retrieve(made.id)


def test_nobody_reaches_what_another_key_made(client, stranger, providers):
    response_ = client.responses.create(model="one/gpt-5", input="hi")
    file = client.files.create(file=("a.txt", b"a"), purpose="user_data")
    store = client.vector_stores.create(name="docs")
    talk = client.conversations.create()
    providers["one"].reset()
    part = {"type": "input_file", "file_id": file.id}
    item = {"type": "item_reference", "id": response_.output[0].id}
    hi = {"model": "one/gpt-5", "input": "hi"}
    attempts = [
        lambda: stranger.responses.retrieve(response_.id),
        lambda: stranger.responses.delete(response_.id),
        lambda: stranger.responses.input_items.list(response_.id),
        lambda: stranger.responses.create(**hi, previous_response_id=response_.id),
        lambda: stranger.responses.create(**hi, conversation={"id": talk.id}),
        lambda: stranger.responses.create(**hi, prompt={"id": "pmpt_1"}),
        lambda: stranger.responses.create(model="one/gpt-5", input=[item]),
        lambda: stranger.responses.create(model="one/gpt-5", input=[{"id": item["id"]}]),
        lambda: stranger.responses.create(model="one/gpt-5", input=[{"role": "user", "content": [part]}]),
        lambda: stranger.responses.create(**hi, tools=[{"type": "file_search", "vector_store_ids": [store.id]}]),
        lambda: stranger.responses.create(
            **hi, tools=[{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [file.id]}}]
        ),
        lambda: stranger.responses.create(**hi, tools=[{"type": "code_interpreter", "container": "cntr_1"}]),
        lambda: stranger.chat.completions.create(
            model="one/gpt-5",
            messages=[{"role": "user", "content": [{"type": "file", "file": {"file_id": file.id}}]}],
        ),
        lambda: stranger.files.content(file.id),
        lambda: stranger.vector_stores.create(file_ids=[file.id]),
        lambda: stranger.vector_stores.files.create(store.id, file_id=file.id),
        lambda: stranger.containers.create(name="c", file_ids=[file.id]),
        lambda: stranger.conversations.items.list(talk.id),
        lambda: stranger.files.list(after=file.id),
    ]
    for attempt in attempts:
        with pytest.raises(openai.NotFoundError, match="There is no"):
            attempt()
    assert list(stranger.files.list()) == []
    assert not providers["one"].requests


@pytest.mark.parametrize(
    "body",
    [
        '{"model":"one/gpt-5","input":"hi","\\u0070revious_response_id":"resp_x"}',
        '{"model":"one/gpt-5","input":[{"role":"user","content":[{"type":"input_file","\\u0066ile_id":"x"}]}]}',
        '{"model":"one/gpt-5","input":["text",{"id":"msg_x"}]}',
        '{"model":"one/gpt-5","input":[{"type":null,"id":"msg_x"}]}',
        '{"model":"one/gpt-5","input":[{"type":"additional_tools","tools":[{"type":"file_search","vector_store_ids":["x"]}]}]}',
        '{"model":"one/gpt-5","input":[{"type":"code_interpreter_call","container_id":"cntr_x"}]}',
        '{"model":"one/gpt-5","input":[{"type":"shell_call","environment":{"container_id":"cntr_x"}}]}',
        '{"model":"one/gpt-5","input":"hi","tools":[{"type":"shell","environment":{"skills":[{"skill_id":"x"}]}}]}',
        '{"model":"one/gpt-5","input":"hi","prompt":{"id":"p","variables":{"f":{"type":"input_file","file_id":"x"}}}}',
    ],
)
def test_an_id_is_seen_however_it_is_written(gateway, providers, body):
    answer = gateway.post(body.encode(), path="/v1/responses")

    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")
    assert answer.json()["error"]["param"]
    assert not providers["one"].requests


def test_two_members_of_one_name_are_refused(gateway, client, providers):
    own = client.files.create(file=("a.txt", b"a"), purpose="user_data").id
    providers["one"].reset()
    part = f'{{"type":"input_file","file_id":"{own}","file_id":"file-of-another"}}'
    body = f'{{"model":"one/gpt-5","input":[{{"role":"user","content":[{part}]}}]}}'

    assert gateway.post(body.encode(), path="/v1/responses").status_code == 400
    assert not providers["one"].requests


@pytest.mark.parametrize(
    "members",
    [
        '"metadata":{"file_id":"x","container":"y"}',
        '"tools":[{"type":"function","name":"f","parameters":{"properties":{"file_id":{"default":"x"}}}}]',
        '"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{\\"file_id\\":\\"x\\"}"}]',
        '"input":[{"role":"assistant","content":[{"annotations":[{"type":"file_citation","file_id":"x"}]}]}]',
    ],
)
def test_what_is_the_callers_own_is_no_id(gateway, members):
    assert gateway.post(f'{{"model":"one/gpt-5",{members}}}'.encode(), path="/v1/responses").status_code == 200


def test_an_argument_of_a_tool_is_no_id(gateway, providers):
    providers["claude"].play = lambda _: response(
        b'{"id":"m","type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}'
    )
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"file_id": "x", "container": "y"}}
    body = {
        "model": "claude/claude-sonnet-4-5",
        "max_tokens": 9,
        "messages": [{"role": "assistant", "content": [call]}],
    }

    assert gateway.post(body, path="/v1/messages").status_code == 200


def test_a_list_has_the_keys_own_alone_byte_for_byte(client, stranger, gateway, providers, keepers):
    own = [client.files.create(file=(f"{n}.txt", b"a"), purpose="user_data").id for n in range(5)]
    batch = client.files.create(file=("b.jsonl", b"batch"), purpose="batch").id
    theirs = stranger.files.create(file=("c.txt", b"c"), purpose="user_data").id

    listed = [one.id for one in client.files.list(limit=2)]
    assert listed[:6] == [batch, *reversed(own)]
    assert theirs not in listed
    assert [one.id for one in client.files.list(purpose="batch", limit=1)][:1] == [batch]
    assert [one.id for one in client.files.list(order="desc", after=own[2])][:2] == [own[1], own[0]]
    assert [one.id for one in stranger.files.list()] == [theirs]
    del keepers["one"].kept[own[3]]
    answer = gateway.client.get("/v1/files", params={"limit": 100})
    assert answer.headers["x-langwatch-body"] == "spliced"
    assert own[3] not in answer.text
    assert json.dumps(keepers["one"].kept[own[0]]) in answer.text
    assert not any(line.startswith("GET /v1/files?") for line in asked(providers["one"]))


def test_stored_completions(client, stranger, providers):
    hi = [{"role": "user", "content": "hi"}]
    made = client.chat.completions.create(model="two/gpt-5", messages=hi, store=True, metadata={"a": "b"})
    unkept = client.chat.completions.create(model="two/gpt-5", messages=hi)

    assert client.chat.completions.retrieve(made.id).id == made.id
    assert [one.id for one in client.chat.completions.list(metadata={"a": "b"})] == [made.id]
    assert list(client.chat.completions.list(metadata={"a": "c"})) == []
    assert list(stranger.chat.completions.list()) == []
    client.chat.completions.update(made.id, metadata={"a": "d"})
    client.chat.completions.messages.list(made.id)
    client.chat.completions.delete(made.id)
    for gone in (made.id, unkept.id):
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.retrieve(gone)


def test_what_is_made_without_a_model_goes_to_the_first_provider(client, providers):
    talk = client.conversations.create(items=[{"type": "message", "role": "user", "content": "hi"}])
    client.conversations.items.create(talk.id, items=[{"type": "message", "role": "user", "content": "hi"}])
    client.conversations.retrieve(talk.id)
    client.conversations.delete(talk.id)
    file = client.files.create(file=("a.txt", b"a"), purpose="user_data")
    store = client.vector_stores.create(file_ids=[file.id])
    client.vector_stores.files.create(store.id, file_id=file.id)
    client.vector_stores.files.retrieve(file.id, vector_store_id=store.id)
    box = client.containers.create(name="c", file_ids=[file.id])
    client.containers.files.create(box.id, file_id=file.id)
    client.containers.files.create(box.id, file=("d.txt", b"d"))
    client.containers.files.content.retrieve("cfile_1", container_id=box.id)
    skill = client.skills.create(files=[("SKILL.md", b"# a")])
    client.skills.versions.list(skill.id)

    assert len(providers["one"].requests) == 14
    assert not providers["two"].requests
    assert not providers["claude"].requests


def test_what_an_upload_becomes_is_the_keys_file(client):
    upload = client.uploads.create(bytes=1, filename="a", mime_type="text/plain", purpose="user_data")
    client.uploads.parts.create(upload.id, data=b"a")
    done = client.uploads.complete(upload.id, part_ids=["part_1"])

    assert client.files.retrieve(done.file.id).id == done.file.id


def test_a_form_names_no_file_of_another_key(client, gateway, providers):
    box = client.containers.create(name="c")
    for name in ("file_id", "FILE_ID", "file_id[]"):
        answer = gateway.client.post(f"/v1/containers/{box.id}/files", files={name: (None, "file-of-another")})
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, name)


def test_files_and_skills_of_anthropic(claude, client, providers):
    file = claude.beta.files.upload(file=("a.txt", b"a", "text/plain"))
    assert claude.beta.files.retrieve_metadata(file.id).id == file.id
    assert file.id in [one.id for one in claude.beta.files.list()]
    claude.beta.files.delete(file.id)
    skill = claude.beta.skills.create(files=[("a/SKILL.md", b"# a")])
    assert skill.id in [one.id for one in claude.beta.skills.list()]

    assert not providers["one"].requests
    with pytest.raises(anthropic.NotFoundError) as refused:
        claude.beta.messages.create(
            model="claude/claude-sonnet-4-5",
            max_tokens=9,
            messages=[
                {"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": file.id}}]}
            ],
            betas=["files-api-2025-04-14"],
        )
    assert refused.value.body["error"]["param"] == "messages[0].content[0].source.file_id"
    with pytest.raises(anthropic.NotFoundError):
        claude.beta.messages.create(
            model="claude/claude-sonnet-4-5",
            max_tokens=9,
            messages=[{"role": "user", "content": "hi"}],
            container={"skills": [{"type": "custom", "skill_id": "skill_of_another"}]},
            betas=["skills-2025-10-02"],
        )


CODE = {"type": "code_execution_20250825", "name": "code_execution"}
RAN = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {
            "type": "bash_code_execution_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": {
                "type": "bash_code_execution_result",
                "content": [{"type": "bash_code_execution_output", "file_id": "file_made"}],
                "return_code": 0,
                "stderr": "",
                "stdout": "",
            },
        },
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"file_id": "file_of_another"}},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "container": {"id": "container_1", "expires_at": "2027-01-01T00:00:00Z"},
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def ran_in_events():
    begun = {**RAN, "content": [], "stop_reason": None, "container": None}
    events = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(RAN["content"]):
        text = {"type": "input_json_delta", "partial_json": json.dumps(block.get("input", {}))}
        first = {**block, "input": {}} if block["type"] == "tool_use" else block
        events += [
            {"type": "content_block_start", "index": index, "content_block": first},
            {"type": "content_block_delta", "index": index, "delta": text},
            {"type": "content_block_stop", "index": index},
        ]
    delta = {"stop_reason": "end_turn", "stop_sequence": None, "container": RAN["container"]}
    events += [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}}, {"type": "message_stop"}]
    return [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events]


@pytest.mark.parametrize("streams", [False, True])
def test_what_code_leaves_behind_is_the_keys_and_what_a_model_writes_is_not(claude, providers, streams):
    def play(asked):
        if "/v1/messages" not in asked.request_line:
            return response(b"made by code", content_type="application/octet-stream")
        if not streams:
            return response(json.dumps(RAN).encode())
        # Other ids, in pieces that end anywhere.
        events = [
            event.replace(b"_made", b"_streamed").replace(b"container_1", b"container_3") for event in ran_in_events()
        ]
        return stream([piece for event in events for piece in (event[:30], event[30:])])

    providers["claude"].play = play

    def ask(**more):
        made = claude.beta.messages.create(
            model="claude/claude-sonnet-4-5",
            max_tokens=9,
            messages=[{"role": "user", "content": "hi"}],
            tools=[CODE],
            stream=streams,
            **more,
        )
        return [*made] if streams else made

    ask()
    assert ask(container="container_3" if streams else "container_1")
    assert claude.beta.files.download("file_streamed" if streams else "file_made").read() == b"made by code"
    with pytest.raises(anthropic.NotFoundError):
        claude.beta.files.download("file_of_another")
    with pytest.raises(anthropic.NotFoundError):
        ask(container="container_2")


def test_a_response_that_is_still_written_can_be_cancelled(client, gateway, providers, keepers):
    whole = keepers["one"]
    goes_on = threading.Event()

    def play(asked):
        steps = whole(asked)
        return [*steps[:2], goes_on, *steps[2:]] if asked.request_line.startswith("POST /v1/responses ") else steps

    providers["one"].play = play
    events = iter(client.responses.create(model="one/gpt-5", input="hi", stream=True))
    begun = next(events)
    client.responses.cancel(begun.response.id)
    goes_on.set()
    assert [*events][-1].type == "response.completed"


def test_what_a_conversation_declares_is_judged(gateway):
    with sdk(gateway, NARROW[0]) as narrow:
        item = {"type": "additional_tools", "role": "developer", "tools": [{"type": "shell"}]}
        with pytest.raises(openai.PermissionDeniedError):
            narrow.conversations.create(items=[item])


def test_what_is_asked_of_a_provider_is_in_the_ledger_and_costs_nothing(gateway, client):
    made = client.responses.create(model="one/gpt-5", input="hi")
    record = gateway.record_of(gateway.client.get(f"/v1/responses/{made.id}"))

    assert (record["endpoint"], record["provider"], record["outcome"]) == ("responses_get", "one", "ok")
    assert record.get("usage") is None
    assert not record.get("cost_nano_usd")
