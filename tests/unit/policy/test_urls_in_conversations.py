"""A denied URL is refused in any string of any conversation, in any spelling, and the same body without it passes."""

import json
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.pipeline.admit import judge_urls
from gateway.policy.judge import Judge
from gateway.shapes.endpoints import ENDPOINTS
from gateway.turns import at_once
from gateway.wire.json_body import JsonBody
from tests.contract.test_url_rules import METADATA

DENY = SimpleNamespace(
    deny=[r"^https?://169\.254\.", r"^https?://metadata\.google\.internal[:/]", "/admin$"], allow=None
)
SHAPES = {endpoint.shape.name: endpoint.shape for endpoint in ENDPOINTS.values()}
JUDGE = Judge([("set", SimpleNamespace(tools=None, mcp=None, models=None, urls=DENY))])

harmless = st.text(max_size=20).filter(lambda text: ":" not in text and "@" not in text)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-10, 10), harmless),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(harmless, inner, max_size=3)),
    max_leaves=12,
)
PLACES = [
    lambda text, rest: {"messages": [{"role": "user", "content": text}, rest]},
    lambda text, rest: {"messages": [{"content": [rest, {"type": "text", "text": text}]}]},
    lambda text, rest: {"messages": [{"content": [{"type": "image_url", "image_url": {"url": text}}]}], "x": rest},
    lambda text, rest: {"input": [rest, {"type": "message", "content": [{"image_url": text}]}]},
    lambda text, rest: {"tools": [{"function": {"parameters": {"description": text, "y": rest}}}]},
    lambda text, rest: {"unknown": [rest, {text: rest}]},
]


def judge(data, shape):
    steps = judge_urls(SimpleNamespace(judge=JUDGE), SHAPES[shape], JsonBody(data))
    if steps is not None:
        at_once(steps)


@pytest.mark.looks_inside
@given(
    st.sampled_from(METADATA), st.sampled_from(PLACES), values, harmless, harmless, st.booleans(), st.sampled_from(sorted(SHAPES))
)  # fmt: skip
def test_a_denied_url_is_refused_wherever_it_stands(url, place, rest, before, after, ascii_only, shape):
    def written(text):
        return json.dumps({"model": "m", **place(text, rest)}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    judge(written(f"{before} {after}"), shape)
    # The second time it is as new as the first: only what passed is remembered.
    for _ in range(2):
        with pytest.raises(GatewayError) as refused:
            judge(written(f"{before} {url} {after}"), shape)
        assert refused.value.type == "url_not_allowed"
        assert re.match(r"messages\[0\]|input\[1\]|tools\[0\]|unknown\[1\]", refused.value.param)


@pytest.mark.looks_inside
def test_conversations_that_come_again_are_judged_by_what_is_new():
    said = ["https://a.example/x", "http://127.0.0.1:8080", "HTTPS://b.example"]
    for turns in (said[:1], said[:2], said):
        judge(json.dumps({"model": "m", "messages": [{"content": text} for text in turns]}).encode(), "chat")

    assert {text.encode() for text in said} <= JUDGE.passed_urls
