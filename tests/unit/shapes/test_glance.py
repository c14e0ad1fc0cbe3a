import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money.estimate import Characters, bound_input, bound_plain, characters_in
from gateway.shapes.allows import allows
from gateway.shapes.declares import OF_MCP, OF_MODELS, OF_TOOLS, declared
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.glance import glance
from gateway.shapes.state import may_refer, references_in
from gateway.shapes.url_members import NO_URLS, URL_MEMBERS
from gateway.wire.json_body import JsonBody

TALKS = [ENDPOINTS[name] for name in ("chat_completions", "messages", "responses")]
WORDS = (
    *("tools", "Tools", "tool\u017f", "functions", "mcp_servers", "server_label", "model", "models", "fallbacks"),
    *("image", "image_url", "IMAGE_URL", "input_image", "data", "bytes", "url", "file_url", "file_id", "audio"),
    *("cache_control", "ttl", "web_search_20250305", "code_interpreter", "type", "role", "content", "text", "user"),
    *(
        "https://a.example/b",
        "HTTP:b",
        "ht\ntp://c",
        "htt\tps:d",
        "http",
        "a:b",
        "data:image/png;base64,AAAA",
        "\\u0061",
    ),
    *("id", "file_ids", "container", "previous_response_id", "conversation", "prompt", "item_reference", "skill_id"),
    *("Ünïcode", "日本", "\u0e01\u0e02", "\U0001f600", "K\u212a", "A1-+/", "x" * 40),
)
TEXTS = st.sampled_from(WORDS) | st.text(max_size=8)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.fixed_dictionaries({"role": st.just("user"), "content": TEXTS | VALUES}, optional={"tools": VALUES})
TOOLS = st.lists(st.fixed_dictionaries({"type": TEXTS, "name": TEXTS}, optional={"description": TEXTS}), max_size=2)
BODIES = st.fixed_dictionaries(
    {"model": st.just("m")},
    optional={
        "messages": st.lists(MESSAGES, max_size=3),
        "input": st.lists(MESSAGES, max_size=2),
        "tools": TOOLS,
        "max_tokens": st.integers(0, 9),
        "metadata": VALUES,
        "service_tier": TEXTS,
    },
)


def written(body, ascii_only, spaced, data_first):
    separators = (", ", ": ") if spaced else (",", ":")
    members = list(body.items())
    return json.dumps(
        dict(members[::-1] if data_first else members), ensure_ascii=ascii_only, separators=separators
    ).encode()


@pytest.mark.parametrize("endpoint", TALKS, ids=lambda endpoint: endpoint.name)
@given(BODIES, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_of_a_plain_body_every_question_has_the_answer_that_a_full_walk_gives(
    endpoint, content, ascii_only, spaced, data_first, is_long
):
    if is_long:
        content = {**content, "stop": ["word " * 1_000]}
    data = written(content, ascii_only, spaced, data_first)
    body, walked = JsonBody(data), JsonBody(data)
    places = URL_MEMBERS[endpoint.shape.name]

    seen = glance(endpoint.shape, body)

    if not seen.is_plain:
        return
    assert not endpoint.shape.declares.conversation_tells(walked)
    for wanted in (OF_TOOLS, OF_MCP, OF_MODELS):
        assert list(declared(endpoint.shape.declares, walked, wanted, bulk=True)) == []
    if not seen.has_url_fields:
        assert set(walked.urls(places)) - {None} == set(walked.urls(NO_URLS)) - {None}
    # Where the look has told that what lasts has no URLs, the rest alone is searched.
    found, in_rest = ({url[1:] for url in one.urls(places) if url is not None} for one in (walked, body))
    assert found == in_rest
    rest, _ = body.parted(endpoint.shape.declares.lasting)
    own = characters_in((rest,))
    bound = bound_plain(Characters(len(data), seen.dense + own.dense, seen.wide + own.wide), seen.flags)
    if not seen.has_state:
        assert not may_refer(endpoint.shape.state, walked) or not references_in(endpoint.shape.state, walked)
    full = bound_input(data, endpoint.shape.media.found_in)
    for name in ("tokens", "has_audio", "has_images", "writes_cache", "keeps_cache", "may_allow_more", "beside"):
        assert getattr(bound, name) == getattr(full, name), name
    assert allows(endpoint, body, bound) == allows(endpoint, walked, full)


@pytest.mark.parametrize("endpoint", TALKS, ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize("spaced", [False, True])
def test_an_ordinary_conversation_with_tools_is_plain(endpoint, spaced):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    body = {"model": "m", "messages": [{"role": "user", "content": 'Say it\nagain: "no".'}], "tools": [tool]}

    seen = glance(endpoint.shape, JsonBody(written(body, ascii_only=False, spaced=spaced, data_first=False)))

    assert (seen.is_plain, seen.has_url_fields, seen.has_state) == (True, False, False)


FILES = {"type": "object", "properties": {"file_id": {"type": "string"}, "container": {"type": "string"}}}


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.parametrize(
    ("name", "members", "has_state"),
    [
        ("responses", {"previous_response_id": "resp_1"}, True),
        ("responses", {"input": [{"id": "msg_1"}]}, True),
        ("responses", {"input": [{"type": "item_reference", "id": "msg_1"}]}, True),
        ("responses", {"input": [{"type": "reasoning", "encrypted_content": "lwg1.AAAA"}]}, True),
        ("responses", {"tools": [{"type": "x", "container": {"type": "auto", "file_ids": ["file-1"]}}]}, True),
        ("responses", {"tools": [{"type": "x", "container": {"type": "auto"}}]}, False),
        ("responses", {"tools": [{"type": "function", "name": "f", "parameters": FILES}]}, False),
        ("responses", {"input": [{"role": "user", "content": 'Say "id": 1, "file_id": 2.'}]}, False),
        ("chat_completions", {"messages": [{"role": "user", "content": [{"file": {"file_id": "file-1"}}]}]}, True),
        ("chat_completions", {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, True),
        ("chat_completions", {"messages": [{"role": "assistant", "tool_calls": [{"id": "call_1"}]}]}, False),
        ("messages", {"container": "container_1"}, True),
        ("messages", {"messages": [{"content": [{"type": "thinking", "signature": "lwg1.AAAA"}]}]}, True),
        ("messages", {"messages": [{"content": [{"type": "tool_use", "id": "toolu_1"}]}]}, False),
    ],
)
def test_what_providers_keep_and_what_is_sealed_is_seen(name, members, has_state, is_long):
    endpoint = ENDPOINTS[name]
    content = {"model": "m", **members, **({"stop": ["word " * 1_000]} if is_long else {})}

    seen = glance(endpoint.shape, JsonBody(written(content, ascii_only=False, spaced=False, data_first=False)))

    assert seen.has_state or seen.is_plain
    assert seen.has_state is has_state


@pytest.mark.parametrize(
    "data",
    [
        b'{"model":"m","a":"\\"model\\":","m\\u006fdel":"x"}',
        b'{"a":"\\"tools\\":[","t\\u006fols":[]}',
        b'{"tools":[],"Tools":[]}',
        b'{"tools":[],"tools":[]}',
    ],
)
def test_a_name_that_is_written_oddly_is_not_plain_to_see(data):
    body = JsonBody(data)

    assert body.fingerprint(TALKS[0].shape.declares.lasting) is None or not glance(TALKS[0].shape, body).is_plain
