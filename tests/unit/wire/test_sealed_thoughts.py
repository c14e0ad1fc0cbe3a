"""Envelopes are left out of a body of chat completions, and every other byte stays."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.json_splice import apply
from gateway.wire.sealed_thoughts import without_sealed_thoughts

SEALED = "lwg1.AAAA.BBBB"
LOST = [
    {"type": "thinking", "thinking": "hm", "signature": SEALED},
    {"type": "redacted_thinking", "data": SEALED},
]
KEPT = [{"type": "thinking", "thinking": SEALED, "signature": "c2ln"}, {"type": "redacted_thinking", "data": "eA=="}]
OURS = {"gateway": {"sealed": SEALED}}
GOOGLES = {"google": {"thought_signature": "c2ln"}}
EXTRA = st.sampled_from([None, OURS, GOOGLES, {**OURS, **GOOGLES}, {"gateway": {"sealed": "other"}}, {"gateway": 5}])


def call(extra):
    tool = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps(OURS)}}
    return tool if extra is None else {**tool, "extra_content": extra}


MESSAGES = st.builds(
    lambda blocks, extras: {
        "role": "assistant",
        "content": SEALED,
        **({} if blocks is None else {"thinking_blocks": blocks}),
        **({} if extras is None else {"tool_calls": [call(extra) for extra in extras]}),
    },
    st.none() | st.lists(st.sampled_from(LOST + KEPT), max_size=4),
    st.none() | st.lists(EXTRA, max_size=3),
)


def expected(message):
    kept = dict(message)
    blocks = message.get("thinking_blocks")
    if blocks:
        kept["thinking_blocks"] = [block for block in blocks if block not in LOST]
        if not kept["thinking_blocks"]:
            del kept["thinking_blocks"]
    if "tool_calls" in message:
        kept["tool_calls"] = [without(one) for one in message["tool_calls"]]
    return kept


def without(one):
    extra = {name: value for name, value in one.get("extra_content", {}).items() if (name, value) not in OURS.items()}
    return {**one, "extra_content": extra} if extra else {n: v for n, v in one.items() if n != "extra_content"}


@given(st.lists(MESSAGES, max_size=3), st.sampled_from(["", " ", "\r\n\t"]))
def test_only_envelopes_go(messages, space):
    body = {"model": "m", "messages": messages, "n": 1}
    data = json.dumps(body, separators=(f"{space},{space}", f"{space}:{space}")).encode()

    splices = without_sealed_thoughts(data)
    written = apply(data, splices) if splices else data

    assert json.loads(written) == {**body, "messages": [expected(message) for message in messages]}
    if json.loads(written) == body:
        assert written == data


def test_a_body_without_envelopes_is_not_looked_into():
    assert without_sealed_thoughts(b'{"messages": no JSON') == []
