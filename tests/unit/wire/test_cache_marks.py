"""Marks are found and set whatever the body looks like, in steps as in one."""

import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import cache_marks, json_tokens
from gateway.wire.cache_marks import with_marks, without_marks
from gateway.wire.json_splice import apply

MARK = {"type": "ephemeral"}
SPACES = st.sampled_from(["", " ", "\n" * 120, " " * 128, "\t" * 300])
TEXTS = st.sampled_from(["", "t", "\n" * 90, "a" * 126, "a" * 127, "a" * 128, '"cache_control":{}', "é" * 80])
MARKED = st.sampled_from([{}, {"cache_control": MARK}, {"cache_control": None}])
BLOCKS = st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, TEXTS, MARKED)
CALLS = st.builds(lambda text, mark: {"type": "tool_use", "input": {"cache_control": text}, **mark}, TEXTS, MARKED)
MESSAGES = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant"]),
    TEXTS | st.lists(BLOCKS | CALLS, max_size=4),
)


def spaced(value, space):
    """The document with the same white space around every sign."""
    return json.dumps(value, separators=(f"{space},{space}", f"{space}:{space}")).encode()


@given(st.lists(MESSAGES, max_size=4), TEXTS, SPACES)
def test_marks_are_the_same_in_steps_as_in_one(messages, system, space):
    data = spaced({"model": "m", "system": system, "messages": messages}, space)

    plain, marked = apply(data, without_marks(data)), apply(data, with_marks(data))

    with patch.object(json_tokens, "STEP", 128), patch.object(cache_marks, "STEP", 128):
        assert apply(data, without_marks(data)) == plain
        assert apply(data, with_marks(data)) == marked
    assert json.loads(marked)
    assert json.loads(plain)["messages"] == [without(message) for message in messages]


def without(message):
    content = message["content"]
    if isinstance(content, str):
        return message
    blocks = [{name: value for name, value in block.items() if name != "cache_control"} for block in content]
    return {**message, "content": blocks}


@pytest.mark.parametrize("key", ["cache_control", "cache\\u005fcontrol"])
def test_a_mark_goes_behind_a_text_of_any_length(key):
    for length in (0, json_tokens.STEP - 40, json_tokens.STEP + 1):
        before = '{"text":"' + "\\n" * (length // 2) + '"'
        data = f'{before},"{key}" : {{"type":"ephemeral"}}}}'.encode()

        assert apply(data, without_marks(data)) == f"{before}}}".encode()
