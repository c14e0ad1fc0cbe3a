"""What a model wrote as the arguments of a call crosses every lane and comes back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lanes.base import Asked
from gateway.lanes.call_arguments import as_mapping, as_object, no_object
from gateway.lanes.pairs import ANTHROPIC_TO_OPENAI, OPENAI_TO_ANTHROPIC, OPENAI_TO_CONVERSE

_ASKED = Asked(model="m", include_usage=False, request_id="grq_01", created=1)
_MALFORMED = ('{"city": "U', "Ulm, please", "[1]", '"Ulm"', '"\\ud800"', "[" * 100_000)


@pytest.mark.parametrize("written", _MALFORMED)
def test_what_is_no_object_comes_back_to_the_model_as_it_wrote_it(written):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": written}}
    choice = {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    answer = json.loads(ANTHROPIC_TO_OPENAI.response(json.dumps({"choices": [choice]}).encode(), _ASKED))
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": answer["content"]}]
    turns.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "no JSON"}]})

    there = ANTHROPIC_TO_OPENAI.request({"max_tokens": 5, "messages": turns}, model="m", strict=True).body

    assert there["messages"][1]["tool_calls"] == [call]


@pytest.mark.parametrize("written", _MALFORMED)
def test_a_conversation_with_it_goes_on_at_targets_that_want_an_object(written):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": written}}
    body = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [call]}]}

    claude = OPENAI_TO_ANTHROPIC.request(body, model="claude-opus-4-6", strict=True).body["messages"][1]["content"]
    nova = OPENAI_TO_CONVERSE.request(body, model="nova", strict=True).body["messages"][1]["content"]

    assert claude[0]["input"] == nova[0]["toolUse"]["input"] == {"INVALID_JSON": written}


@pytest.mark.parametrize(
    ("written", "held"), [("", {}), (" null ", {}), ('""', {}), (' {"a":1} ', {"a": 1}), ('"{\\"a\\":1}"', {"a": 1})]
)
def test_what_is_an_object_somehow_is_one(written, held):
    assert as_mapping(written) == json.loads(as_object(written)) == held
    assert no_object(held) is None


@given(st.text())
def test_any_text_stands_in_an_object(written):
    held = as_mapping(written.encode(errors="replace").decode())

    assert isinstance(json.loads(as_object(written.encode(errors="replace").decode())), dict)
    assert no_object(held) in (None, written.encode(errors="replace").decode())
