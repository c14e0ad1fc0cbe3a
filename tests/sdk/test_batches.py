"""Batches by the vendors' own SDKs: judged, held for, looked after, charged once."""

import json
import sqlite3
from datetime import UTC, datetime

import anthropic
import httpx
import openai
import pytest

from gateway.ledger.warned import read_question, warned_requests
from gateway.storage.engine import open_engine
from tests.support.batches import BatchKeeper
from tests.support.gateway import NO_TLS, Gateway
from tests.support.keys import HASH, SECRET, new_key
from tests.support.objects import adopt
from tests.support.upstream import PlayedUpstream, response

NARROW, POOR, OTHER, SLOW, FIRST, WATCHED = (new_key() for _ in range(6))
CONFIG = """
version: 1
providers:
  one: {{type: openai, api_key: sk-one, base_url: "{one}/v1"}}
  two: {{type: openai, api_key: sk-two, base_url: "{one}/v1"}}
  claude: {{type: anthropic, api_key: sk-three, base_url: "{one}"}}
model_aliases:
  smart: one/gpt-5
  cheap: one/gpt-priced
  clever: claude/claude-sonnet-4-5
prices:
  one/gpt-priced:
    input_usd_per_mtok: 2
    output_usd_per_mtok: 20
    service_tiers: {{batch: {{input_usd_per_mtok: 1, output_usd_per_mtok: 10}}}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
  other: {{environment: test, secret_hash: "{other}"}}
  narrow:
    environment: test
    secret_hash: "{narrow}"
    models_allowed: ["gpt-5", "claude-*"]
    policy_rules: [{{tools: {{deny: ['^shell$']}}, urls: {{deny: ['169\\.254']}}}}]
  poor: {{environment: test, secret_hash: "{poor}"}}
  first: {{environment: test, secret_hash: "{first}"}}
  slow: {{environment: test, secret_hash: "{slow}"}}
  watched:
    environment: test
    secret_hash: "{watched}"
    models_allowed: {{allow: ["gpt-4*"], mode: warn}}
    policy_rules: [{{tools: {{deny: ['^shell$']}}}}]
budgets:
  later: {{scope: {{virtual_key: slow}}, window: month, limit_usd: 0.01, on_breach: block}}
  small: {{scope: {{virtual_key: poor}}, window: month, limit_usd: 0.01, on_breach: block}}
"""


def configuration(url):
    return CONFIG.format(
        one=url,
        watched=WATCHED[1],
        slow=SLOW[1],
        first=FIRST[1],
        hash=HASH,
        narrow=NARROW[1],
        poor=POOR[1],
        other=OTHER[1],
    )


@pytest.fixture(scope="module")
def upstream():
    played = PlayedUpstream()
    yield played
    played.close()


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(configuration(upstream.url), env={"GATEWAY_DEFERRED_POLL_S": "0.1"})


@pytest.fixture(autouse=True)
def keeper(gateway, upstream):
    upstream.reset()
    upstream.play = keeper = BatchKeeper("one", upstream.url)
    yield keeper
    keeper.ends = True
    with sqlite3.connect(gateway.directory / "data" / "gateway.db") as database:
        gateway.wait(lambda: database.execute("SELECT count(*) FROM open_jobs").fetchone() == (0,))


def sdk(gateway, secret=SECRET):
    http = httpx.Client(verify=NO_TLS, trust_env=False)
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=secret, max_retries=0, http_client=http)


def claude(gateway, secret=SECRET):
    http = anthropic.DefaultHttpxClient(verify=NO_TLS, trust_env=False)
    return anthropic.Anthropic(base_url=gateway.url, api_key=secret, max_retries=0, http_client=http)


def line(number=0, **body):
    asked = {"model": "one/gpt-5", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}], **body}
    return {"custom_id": str(number), "method": "POST", "url": "/v1/chat/completions", "body": asked}


def jsonl(*lines):
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def batch_of(client, content, **more):
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    wanted = {"endpoint": "/v1/chat/completions", "completion_window": "24h", **more}
    return file, client.batches.create(input_file_id=file.id, **wanted)


def charged(gateway, endpoint, key):
    """The only row of such work of a key; what may come twice would have come by the end of the test."""

    def found():
        return [one for one in gateway.records() if (one["endpoint"], one["virtual_key"]) == (endpoint, key)]

    gateway.wait(found)
    (row,) = found()
    return row


def test_a_batch_runs_from_end_to_end(gateway, keeper):
    with sdk(gateway, FIRST[0]) as client:
        file, made = batch_of(client, jsonl(*(line(number, model="gpt-5") for number in range(3))))
        assert client.batches.retrieve(made.id).status == "in_progress"
        assert [one.id for one in client.batches.list()] == [made.id]
        assert made.input_file_id == file.id
        keeper.ends = True
        row = charged(gateway, "batch", "first")
        done = client.batches.retrieve(made.id)
        assert done.status == "completed"
        assert client.files.content(done.output_file_id).text.count("prompt_tokens") == 3

    assert (row["usage"]["input_tokens"], row["usage"]["output_tokens"]) == (300, 30)
    assert (row["provider"], row["model"], row["virtual_key"]) == ("one", "gpt-5", "first")


@pytest.mark.parametrize("by_parts", [False, True])
def test_what_goes_up_is_what_was_judged(gateway, upstream, keeper, by_parts):
    content = jsonl(line(0, model="smart"), line(1)) + b"\n" + json.dumps(line(2, model="smart")).encode()
    with sdk(gateway) as client:
        if not by_parts:
            file, made = batch_of(client, content)
            assert made.input_file_id != file.id
            assert client.files.retrieve(made.input_file_id).id == made.input_file_id
            assert client.files.retrieve(file.id).id == file.id
            assert keeper.contents[file.id] == content
            assert keeper.contents[made.input_file_id] == content.replace(b"smart", b"gpt-5").replace(b"one/", b"")
            assert client.batches.cancel(made.id).status == "cancelled"
            assert f"POST /v1/batches/{made.id}/cancel" in keeper.asked
            return
        upload = client.uploads.create(bytes=9, filename="a", mime_type="application/jsonl", purpose="user_data")
        parts = (content[:200], content[200:])
        keeper.contents["whole"] = content
        for number, part in enumerate(parts):
            upstream.play = lambda _, n=number: response(b'{"id":"part_%d","object":"upload.part"}' % n)
            client.uploads.parts.create(upload.id, data=part)
        upstream.play = lambda _: response(json.dumps({"id": upload.id, "file": {"id": "whole"}}).encode())
        client.uploads.complete(upload.id, part_ids=["part_0", "part_1"])
        upstream.play = keeper
        made = client.batches.create(
            input_file_id="whole", endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
        )
        assert keeper.contents[made.input_file_id].count(b'"gpt-5"') == 3


REFUSED = {
    "a model that is not allowed": (line(1, model="one/gpt-4o"), "model_not_allowed", ":2: "),
    "a tool": (line(1, tools=[{"type": "function", "function": {"name": "shell"}}]), "tool_not_allowed", ":2: "),
    "a URL": (line(1, messages=[{"role": "user", "content": "http://169.254.169.254/"}]), "url_not_allowed", ":2: "),
    "a file of another": (
        line(1, messages=[{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-x"}}]}]),
        "not_found",
        ":2:messages[0].content[0].file.file_id: ",
    ),
    "another provider": (line(1, model="two/gpt-5"), "bad_request", ":2: "),
    "no native endpoint": (line(1, model="clever"), "bad_request", ":2: "),
    "another path": ({**line(1), "url": "/v1/responses"}, "bad_request", ":2: "),
    "two bodies": (
        '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{},"body":{}}',
        "bad_request",
        ":2: ",
    ),
    "an escaped name": (
        '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5"},"\\u0062ody":{"model":"x"}}',
        "bad_request",
        ":2: ",
    ),
    "no JSON": ("{not json", "bad_request", ":2: "),
    "a list": ("[1]", "bad_request", ":2: "),
    "no body": ({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions"}, "bad_request", ":2: "),
    "background": (line(1, background=True), "unsupported_parameter", ":2: "),
}


def test_what_its_key_may_not_do_no_batch_does(gateway, keeper):
    with sdk(gateway, NARROW[0]) as client:
        for name, (denied, code, place) in REFUSED.items():
            second = denied.encode() if isinstance(denied, str) else json.dumps(denied).encode()
            with pytest.raises(openai.APIStatusError) as refused:
                batch_of(client, jsonl(line(model="gpt-5")) + second + b"\n")
            error = refused.value.response.json()["error"]
            assert error["code"] == code, (name, error)
            file = error["param"].partition(":")[0]
            assert error["message"].startswith(file + place), (name, error)
        with pytest.raises(openai.PermissionDeniedError):
            claude_batch = {"requests": [{"custom_id": "1", "params": message(tools=[{"name": "shell"}])}]}
            client.post("/messages/batches", body=claude_batch, cast_to=object)
    assert "POST /v1/batches" not in keeper.asked
    assert not any(one.startswith("POST /v1/messages") for one in keeper.asked)


def test_an_input_is_the_keys_own_and_went_up_here(gateway, keeper, upstream):
    with sdk(gateway) as client, sdk(gateway, OTHER[0]) as other:
        file, made = batch_of(client, jsonl(line(model="gpt-5")))
        wanted = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
        for call in (
            lambda: other.batches.create(input_file_id=file.id, **wanted),
            lambda: other.batches.retrieve(made.id),
            lambda: other.batches.cancel(made.id),
            lambda: client.batches.create(input_file_id="file-foreign", **wanted),
        ):
            with pytest.raises(openai.NotFoundError):
                call()
        assert list(other.batches.list()) == []
        adopt(gateway, "one", "file-adopted")
        with pytest.raises(openai.BadRequestError, match="did not go up through this gateway"):
            client.batches.create(input_file_id="file-adopted", **wanted)
        with pytest.raises(openai.BadRequestError, match="A batch here calls one of"):
            client.batches.create(input_file_id=file.id, endpoint="/v1/videos", completion_window="24h")

        # What is not on this node any more is what its provider has, as long as that is what went up.
        for kept in gateway.directory.joinpath("data", "uploads", "kept").iterdir():
            kept.write_bytes(b"{}")
        assert client.batches.create(input_file_id=file.id, **wanted).id
        keeper.contents[file.id] += jsonl(line(model="gpt-4o"))
        with pytest.raises(openai.BadRequestError, match="is not what went up"):
            client.batches.create(input_file_id=file.id, **wanted)
        del keeper.contents[file.id]
        with pytest.raises(openai.BadRequestError, match="upload it again"):
            client.batches.create(input_file_id=file.id, **wanted)


def test_a_batch_is_held_at_its_price_and_charged_what_it_cost(gateway, keeper):
    with sdk(gateway, POOR[0]) as client:
        # 20 tokens of output cost $0.0004 by itself and half of it in a batch.
        _, made = batch_of(client, jsonl(*(line(number, model="cheap") for number in range(30))))
        with pytest.raises(openai.APIStatusError) as refused:
            batch_of(client, jsonl(*(line(number, model="cheap") for number in range(30))))
        assert (refused.value.status_code, refused.value.response.json()["error"]["code"]) == (402, "budget_exceeded")
        with pytest.raises(openai.APIStatusError, match="small"):
            client.chat.completions.create(model="cheap", max_tokens=300, messages=[{"role": "user", "content": "a"}])
        keeper.ends = True
        row = charged(gateway, "batch", "poor")
        # 30 times 100 tokens of input and 10 of output, for $1 and $10 a million.
        assert row["cost_nano_usd"] == 30 * (100 * 1_000 + 10 * 10_000)
        assert row["budgets"][0]["amount"] == row["cost_nano_usd"]
        assert client.batches.retrieve(made.id).status == "completed"
        gateway.wait(lambda: batch_of(client, jsonl(line(model="cheap"))))


def message(**more):
    return {"model": "clever", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}], **more}


def test_a_batch_of_anthropics(gateway, keeper, upstream):
    with claude(gateway) as client, claude(gateway, OTHER[0]) as other:
        made = client.messages.batches.create(
            requests=[
                {"custom_id": "0", "params": message()},
                {"custom_id": "1", "params": message(model="claude-sonnet-4-5")},
            ]
        )
        sent = next(one for one in upstream.requests if one.request_line.startswith("POST /v1/messages/batches"))
        assert [one["params"]["model"] for one in json.loads(sent.body)["requests"]] == ["claude-sonnet-4-5"] * 2
        assert sent.headers["x-api-key"] == "sk-three"
        assert [one.id for one in client.messages.batches.list()] == [made.id]
        assert list(other.messages.batches.list()) == []
        for call in (other.messages.batches.retrieve, other.messages.batches.cancel, other.messages.batches.delete):
            with pytest.raises(anthropic.NotFoundError):
                call(made.id)
        keeper.ends = True
        row = charged(gateway, "message_batch", "dev")
        assert client.messages.batches.retrieve(made.id).results_url == f"/v1/messages/batches/{made.id}/results"
        assert len(list(client.messages.batches.results(made.id))) == 3
        assert client.messages.batches.list().data[0].results_url.startswith("/v1/")
        client.messages.batches.delete(made.id)
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.retrieve(made.id)
        for wrong in ([], [{"custom_id": "0"}], [{"custom_id": "0", "params": message(model="one/gpt-5")}]):
            with pytest.raises(anthropic.BadRequestError, match="requests"):
                client.messages.batches.create(requests=wrong)

    assert (row["usage"]["input_tokens"], row["usage"]["output_tokens"]) == (200, 20)
    # Half of $3 and $15 for a million tokens.
    assert row["cost_nano_usd"] == 200 * 1_500 + 20 * 7_500


def test_a_response_in_the_background(gateway, keeper):
    with sdk(gateway, SLOW[0]) as client, sdk(gateway, OTHER[0]) as other:
        asked = {"model": "cheap", "input": "hi", "background": True, "max_output_tokens": 400}
        made = client.responses.create(**asked)
        assert made.status == "queued"
        with pytest.raises(openai.APIStatusError) as refused:
            client.responses.create(**asked)
        assert refused.value.status_code == 402
        with pytest.raises(openai.NotFoundError):
            other.responses.retrieve(made.id)
        assert client.responses.retrieve(made.id).status == "in_progress"
        keeper.ends = True
        row = charged(gateway, "background_response", "slow")
        assert client.responses.retrieve(made.id).status == "completed"
        with pytest.raises(openai.BadRequestError, match="not streamed"):
            client.responses.create(**asked, stream=True)
        with pytest.raises(openai.BadRequestError, match="background"):
            other.responses.create(model="clever", input="hi", background=True)

    assert (row["usage"]["input_tokens"], row["cost_nano_usd"]) == (100, 100 * 2_000 + 10 * 20_000)
    assert row["model"] == "gpt-priced"


def test_what_goes_on_outlives_every_process(start_gateway, upstream, keeper):
    bounds = {"GATEWAY_DEFERRED_POLL_S": "0.1"}
    gateway = start_gateway(configuration(upstream.url), env=bounds)
    with sdk(gateway, POOR[0]) as client:
        batch_of(client, jsonl(*(line(number, model="cheap") for number in range(20))))
        client.responses.create(model="cheap", input="hi", background=True, max_output_tokens=100)
    gateway.kill()
    gateway = Gateway(gateway.directory, configuration(upstream.url), env=bounds, port=gateway.port)
    with sdk(gateway, POOR[0]) as client, pytest.raises(openai.APIStatusError, match="small"):
        client.chat.completions.create(model="cheap", max_tokens=200, messages=[{"role": "user", "content": "a"}])
    keeper.ends = True
    assert charged(gateway, "batch", "poor")["cost_nano_usd"] == 20 * (100 * 1_000 + 10 * 10_000)
    assert charged(gateway, "background_response", "poor")["cost_nano_usd"] == 100 * 2_000 + 10 * 20_000
    gateway.stop()


def test_a_rule_that_warns_tells_of_a_batch_once(gateway, keeper):
    shell = {"tools": [{"type": "function", "function": {"name": "shell"}}]}

    def rows():
        return [one for one in gateway.records() if one["virtual_key"] == "watched"]

    with sdk(gateway, WATCHED[0]) as client:
        with pytest.raises(openai.PermissionDeniedError) as refused:
            batch_of(client, jsonl(line(model="gpt-5"), line(1, model="gpt-5", **shell)))
        batch_of(client, jsonl(line(model="cheap"), line(1, model="cheap")))
        keeper.ends = True
        ended = charged(gateway, "batch", "watched")
        made = client.responses.create(model="cheap", input="hi", background=True)
        gateway.wait(lambda: client.responses.retrieve(made.id).status == "completed")
        charged(gateway, "background_response", "watched")

    assert "x-langwatch-warnings" not in refused.value.response.headers
    told = [(one["endpoint"], one["status"]) for one in rows() if one.get("warnings")]
    assert told == [("batches_create", 200), ("batch", 200), ("responses", 200), ("background_response", 200)]
    assert ended["warnings"] == ["models_allowed"]
    counted = [one for one in gateway.metrics().splitlines() if one.startswith("gateway_warnings_total")]
    assert sum(float(one.rpartition(" ")[2]) for one in counted) == 2
    gateway.wait(lambda: gateway.readyz()["ledger"]["waiting_entries"] == 0)
    engine = open_engine(f"sqlite:///{gateway.directory}/data/gateway.db")
    with engine.connect() as connection:
        (found,) = warned_requests(connection, read_question({}, datetime.now(UTC)))
    engine.dispose()
    assert (found.virtual_key, found.rule, found.requests) == ("watched", "models_allowed", 2)
    assert found.cost_nano_usd == sum(one["cost_nano_usd"] or 0 for one in rows())


def test_a_gateway_starts_beside_work_that_it_cannot_read(start_gateway, upstream, keeper):
    bounds = {"GATEWAY_DEFERRED_POLL_S": "0.1"}
    gateway = start_gateway(configuration(upstream.url), env=bounds)
    with sdk(gateway, POOR[0]) as client:
        batch_of(client, jsonl(line(model="cheap")))
    gateway.kill()
    with sqlite3.connect(gateway.directory / "data" / "gateway.db") as database:
        of_tomorrow = json.dumps({"id": "grq_0", "kind": "fine_tuning"})
        database.execute("INSERT INTO open_jobs VALUES ('grq_0', ?, 'of-tomorrow', 0)", (of_tomorrow,))

    gateway = Gateway(gateway.directory, configuration(upstream.url), env=bounds, port=gateway.port)
    keeper.ends = True

    assert charged(gateway, "batch", "poor")["cost_nano_usd"] == 100 * 1_000 + 10 * 10_000
    gateway.wait(lambda: "gateway_open_jobs_unreadable 1.0" in gateway.metrics())
    assert gateway.log().count("grq_0 in open_jobs cannot be read by this version") == 1
    with sqlite3.connect(gateway.directory / "data" / "gateway.db") as database:
        gateway.wait(lambda: database.execute("SELECT id, job FROM open_jobs").fetchall() == [("grq_0", of_tomorrow)])
    gateway.stop()
