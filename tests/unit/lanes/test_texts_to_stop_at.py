"""Answers that end at a text, where the model's API cannot: whole and streamed, however the text is cut into events."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    CallBegun,
    Called,
    CallEnd,
    Citation,
    Cited,
    SaidText,
    Stopped,
    TextEnd,
    TextPiece,
    Thought,
    UsageStated,
)
from gateway.lanes.pairs import TRANSLATIONS
from gateway.lanes.stopping import StoppedEvents, stopped_answer
from gateway.shapes.ending import Stop
from gateway.usage import Usage
from tests.support.folded import folded

USAGE = Usage(input_tokens=3, output_tokens=9)
LETTERS = st.text("abc", max_size=12)


@given(st.lists(LETTERS, max_size=6), st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=3))
@example(["ab", "c"], ["abc", "b"])
@example(["a", "a", "b"], ["aab", "ab"])
def test_a_stream_ends_where_the_whole_answer_does(pieces, stops):
    text = "".join(pieces)
    ends = [*(TextPiece(piece) for piece in pieces if piece), TextEnd(), Stopped(Stop.LENGTH), UsageStated(USAGE)]
    cut = StoppedEvents(stops)

    streamed = folded([event for one in ends for event in cut.cut([one])])
    whole = stopped_answer(Answer([SaidText(text)] if text else [], stop=Stop.LENGTH, usage=USAGE), stops)

    assert (list(streamed.blocks), streamed.stop, streamed.usage) == (list(whole.blocks), whole.stop, USAGE)
    assert streamed.stopped_at == whole.stopped_at
    said = "".join(block.text for block in whole.blocks)
    assert text.startswith(said)
    assert not any(stop in said for stop in stops)
    assert (whole.stopped_at is None) is not any(stop in text for stop in stops)


def test_nothing_waits_but_what_may_begin_a_text_to_stop_at():
    cut = StoppedEvents(["END"])

    assert cut.cut([TextPiece("one E"), TextPiece("N")]) == [TextPiece("one ")]
    assert cut.cut([TextPiece("D")]) == [Stopped(Stop.FINISHED, "END")]
    assert cut.cut([TextPiece("more"), TextEnd(), Stopped(Stop.LENGTH), UsageStated(USAGE)]) == [UsageStated(USAGE)]


def test_what_was_held_comes_before_what_follows_it():
    cut = StoppedEvents(["END"])

    cited = Cited(Citation("https://a.example"))
    assert cut.cut([TextPiece("E"), cited, TextEnd()]) == [cited, TextPiece("E"), TextEnd()]


def test_calls_before_the_text_are_whole_and_those_behind_it_are_not_made():
    cut = StoppedEvents(["END"])
    begun, more, end = CallBegun(0, "c", "look"), ArgumentsPiece(0, "{}"), CallEnd(0)

    assert cut.cut([begun, TextPiece("xEND"), CallBegun(1, "d", "look")]) == [begun, TextPiece("x")]
    assert cut.cut([more, end, CallEnd(1)]) == [more, end, Stopped(Stop.FINISHED, "END")]
    assert cut.cut([Stopped(Stop.TOOL_CALL)]) == []

    blocks = [Thought("END"), Called("c", "look", '"END"'), SaidText("END"), Called("d", "look", "{}")]
    whole = stopped_answer(Answer(blocks, stop=Stop.TOOL_CALL), ["END"])
    assert (list(whole.blocks), whole.stop, whole.stopped_at) == (blocks[:2], Stop.FINISHED, "END")


def test_sources_of_what_is_cut_go_with_it():
    citations = tuple(Citation("https://a.example", end=end) for end in (2, 5, None))
    whole = stopped_answer(Answer([SaidText("a b END", citations)]), ["END"])

    assert whole.blocks[0] == SaidText("a b ", (citations[0], citations[2]))


@pytest.mark.parametrize("stops", [["a" * 4097], ["a" * 65] * 64, ["a"] * 65])
def test_more_to_look_for_than_others_can_wait_for_is_refused(stops):
    body = {"messages": [{"role": "user", "content": "Hi"}], "stop_sequences": stops, "max_tokens": 9}

    for endpoint in ("responses", "chat_completions"):
        with pytest.raises(GatewayError) as refused:
            TRANSLATIONS["messages", endpoint].request(body, model="gpt-5", strict=False)
        assert refused.value.param == "stop_sequences"


def test_a_long_text_that_is_nearly_there_takes_no_time():
    cut = StoppedEvents(["a" * 4095 + "c"])
    cut.cut([TextPiece("a" * 4000)])
    began = time.process_time()

    assert cut.cut([TextPiece("b")]) == [TextPiece("a" * 4000 + "b")]
    assert time.process_time() - began < 0.05
