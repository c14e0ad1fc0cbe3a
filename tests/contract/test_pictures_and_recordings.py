"""Pictures that are edited and varied, and recordings that are translated: forms and JSON, judged, held and metered."""

import json

import httpx
import openai
import pytest

from tests.support.gateway import NO_TLS
from tests.support.keeper import Keeper
from tests.support.keys import HASH, SECRET, new_key
from tests.support.upstream import PlayedUpstream, response, stream

NARROW, POOR = new_key(), new_key()
CONFIG = """
version: 1
providers:
  openai: {{type: openai, api_key: sk-up, base_url: "{url}/v1"}}
  other: {{type: openai, api_key: sk-other, base_url: "{other}/v1"}}
  azure: {{type: azure, api_key: sk-azure, base_url: "{url}", deployments: {{pictures: drawer}}}}
  simulator: {{type: simulator}}
model_aliases:
  draw: openai/gpt-image-2
  hear: openai/whisper-1
prices:
  openai/gpt-image-2: {{input_usd_per_mtok: 5, output_usd_per_mtok: 40, input_image_usd_per_mtok: 8, output_image_usd_per_mtok: 30}}
budgets:
  small: {{scope: {{virtual_key: poor}}, limit_usd: 0.50, window: day, on_breach: block}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
  narrow:
    environment: test
    secret_hash: "{narrow}"
    models_allowed: ["gpt-image-*", "whisper-*"]
    policy_rules: [{{urls: {{allow: ['^https://pictures\\.example/']}}}}]
  poor: {{environment: test, secret_hash: "{poor}"}}
"""
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
DRAWN = {
    "created": 1,
    "data": [{"b64_json": "eA=="}],
    "usage": {
        "input_tokens": 340,
        "output_tokens": 272,
        "total_tokens": 612,
        "input_tokens_details": {"text_tokens": 17, "image_tokens": 323},
    },
}
COST = 17 * 5_000 + 323 * 8_000 + 272 * 30_000
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
PICTURE = {"image_url": "https://pictures.example/a.png"}


@pytest.fixture(scope="module")
def other():
    played = PlayedUpstream()
    yield played
    played.close()


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream, other):
    return module_gateway(CONFIG.format(url=upstream.url, other=other.url, hash=HASH, narrow=NARROW[1], poor=POOR[1]))


@pytest.fixture(autouse=True)
def drawn(upstream, other):
    upstream.reset()
    other.reset()
    upstream.play = other.play = lambda _: response(json.dumps(DRAWN).encode())


@pytest.fixture
def client(gateway):
    http = httpx.Client(verify=NO_TLS, trust_env=False)
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=SECRET, max_retries=0, http_client=http) as client:
        yield client


def form(gateway, path, data, key=SECRET, **files):
    headers = {"authorization": f"Bearer {key}"}
    return gateway.client.post(path, data=data, files=files or {"image": ("a.png", PNG, "image/png")}, headers=headers)


def test_a_picture_is_edited_with_an_alias_in_the_place_of_the_model_and_no_other_byte(client, upstream):
    made = client.images.edit(model="draw", image=[PNG, PNG], mask=PNG, prompt="a hat", n=2, user="ada")

    [up] = upstream.requests
    assert up.request_line.startswith("POST /v1/images/edits ")
    assert made.usage.output_tokens == 272
    assert b'name="model"\r\n\r\ngpt-image-2\r\n' in up.body
    assert up.body.count(PNG) == 3


def test_what_a_form_costs_and_whose_it_is(gateway, upstream):
    answer = form(gateway, "/v1/images/edits", {"model": "draw", "prompt": "a hat", "n": "1", "user": "ada"})

    record = gateway.record_of(answer)
    assert (record["endpoint"], record["model"], record["end_user"]) == ("images_edits", "gpt-image-2", "ada")
    assert record["cost_nano_usd"] == COST
    assert record["body"] == "spliced"


def test_pictures_are_edited_by_json_byte_for_byte(gateway, upstream):
    body = json.dumps({"model": "gpt-image-2", "prompt": "a hat", "images": [PICTURE], "mask": {**PICTURE}}).encode()
    answer = gateway.post(body, path="/v1/images/edits")

    assert answer.json() == DRAWN
    assert upstream.requests[0].body == body
    assert gateway.record_of(answer)["cost_nano_usd"] == COST


def test_an_edit_streams_and_counts(client, gateway, upstream):
    done = {"type": "image_edit.completed", "b64_json": "eA==", "usage": DRAWN["usage"]}
    upstream.play = lambda _: stream([f"event: image_edit.completed\ndata: {json.dumps(done)}\n\n".encode()])

    events = list(client.images.edit(model="draw", image=PNG, prompt="a hat", stream=True))
    assert [one.type for one in events] == ["image_edit.completed"]
    assert gateway.wait(lambda: gateway.records())[-1]["cost_nano_usd"] == COST


REFUSED = [
    ({"model": "openai/dall-e-2"}, 403, "model_not_allowed", "model"),
    ({"model": "gpt-image-2", "svg[model]": "gpt-5"}, 403, "model_not_allowed", "svg.model"),
    ({"model": "gpt-image-2", "svg": '{"model": "gpt-5"}'}, 403, "model_not_allowed", "svg.model"),
    ({"model": "gpt-image-2", "models[]": "gpt-5"}, 403, "model_not_allowed", "models[0]"),
    ({"model": "gpt-image-2", "SVG[model]": "gpt-5"}, 400, "bad_request", "svg"),
    ({"model": "gpt-image-2", "svg.model": "gpt-5"}, 400, "bad_request", "svg"),
    ({"model": "gpt-image-2", "svg": "{}", "svg[model]": "gpt-image-2"}, 400, "bad_request", "svg"),
    ({"model": "gpt-image-2", "model[]": "gpt-5"}, 400, "bad_request", "model"),
    ({"model": "gpt-image-2", "prompt": "as in https://elsewhere.example/b.png"}, 403, "url_not_allowed", "prompt"),
    ({"model": "gpt-image-2", "file_id": "file-of-another"}, 404, "not_found", "file_id"),
    ({"model": "gpt-image-2", "images[][file_id]": "file-of-another"}, 404, "not_found", "images[][file_id]"),
    ({"model": "gpt-image-2", "images": '[{"file_id": "file-1"}]'}, 404, "not_found", "images[0].file_id"),
]


@pytest.mark.parametrize(("fields", "status", "kind", "param"), REFUSED)
def test_a_form_is_judged_as_a_body_of_json_is(gateway, upstream, fields, status, kind, param):
    answer = form(gateway, "/v1/images/edits", {"prompt": "a hat", **fields}, NARROW[0])

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind), answer.text
    assert answer.json()["error"]["param"] == param
    assert not upstream.requests


@pytest.mark.parametrize(
    ("member", "status"),
    [
        ({"images": [{"image_url": "https://elsewhere.example/b.png"}]}, 403),
        ({"images": [PICTURE], "mask": {"image_url": "file:///etc/passwd"}}, 403),
        ({"images": [{"file_id": "file-of-another"}]}, 404),
        ({"images": [PICTURE]}, 200),
    ],
)
def test_pictures_that_are_pointed_at_are_judged(gateway, member, status):
    body = {"model": "gpt-image-2", "prompt": "a hat", **member}
    headers = {"authorization": f"Bearer {NARROW[0]}"}

    assert gateway.client.post("/v1/images/edits", json=body, headers=headers).status_code == status


@pytest.mark.parametrize("n", ["1", "40", "many"])
def test_the_pictures_that_a_form_asks_for_are_held_of_a_budget(gateway, upstream, n):
    data = {"model": "openai/gpt-image-2", "prompt": "a hat", "n": n}
    answer = form(gateway, "/v1/images/edits", data, POOR[0])

    # 16,000 tokens at $30 for a million are $0.48.
    assert answer.status_code == {"1": 402, "40": 402, "many": 400}[n], answer.text
    assert not upstream.requests
    data["model"] = "simulator/gpt-image-2"
    assert form(gateway, "/v1/images/edits", data, POOR[0]).status_code in (200, 400, 403)


def test_a_file_of_the_key_can_be_edited_where_it_is(client, gateway, upstream, other):
    upstream.play = Keeper("pictures")
    file = client.files.create(file=("a.png", PNG), purpose="vision")
    upstream.play = lambda _: response(json.dumps(DRAWN).encode())

    body = {"model": "gpt-image-2", "prompt": "a hat", "images": [{"file_id": file.id}]}
    assert gateway.post(body, path="/v1/images/edits").status_code == 200
    body["model"] = "other/gpt-image-2"
    assert gateway.post(body, path="/v1/images/edits").status_code == 400
    assert not other.requests


def test_variations_and_translations(client, gateway, upstream):
    client.images.create_variation(image=PNG, n=2)
    [up] = upstream.requests
    assert b'name="model"' not in up.body

    upstream.play = lambda _: response(b'{"text":"hello","usage":{"type":"duration","seconds":9}}')
    assert client.audio.translations.create(model="hear", file=("a.mp3", b"xx"), prompt="hi").text == "hello"
    assert upstream.requests[-1].request_line.startswith("POST /v1/audio/translations ")
    assert b"\r\n\r\nwhisper-1\r\n" in upstream.requests[-1].body


def test_without_a_model_the_first_provider_that_serves_the_path_is_asked(gateway, upstream, other):
    answer = form(gateway, "/v1/images/edits", {"prompt": "a hat"})

    assert upstream.requests
    assert not other.requests
    assert gateway.record_of(answer)["model_asked"] == "dall-e-2"


def test_azure_clients_edit_and_translate_too(gateway, upstream):
    http = httpx.Client(verify=NO_TLS, trust_env=False)
    with openai.AzureOpenAI(
        azure_endpoint=gateway.url, api_key=SECRET, api_version="2026-01-01", max_retries=0, http_client=http
    ) as azure:
        azure.images.edit(model="draw", image=PNG, prompt="a hat")
        assert b"\r\n\r\ngpt-image-2\r\n" in upstream.requests[-1].body
        azure.images.edit(model="azure/pictures", image=PNG, prompt="a hat")
        assert b"\r\n\r\ndrawer\r\n" in upstream.requests[-1].body
        upstream.play = lambda _: response(b'{"text":"hello"}')
        assert azure.audio.translations.create(model="hear", file=("a.mp3", b"xx")).text == "hello"


def test_the_simulator_draws_and_listens(client):
    for made in (
        client.images.edit(model="simulator/any", image=PNG, prompt="a hat", n=2),
        client.images.create_variation(model="simulator/any", image=PNG, n=2),
    ):
        assert len(made.data) == 2
    heard = client.audio.translations.create(model="simulator/any", file=("a.wav", b"RIFF"))
    assert heard.text.startswith("This is the simulator")
