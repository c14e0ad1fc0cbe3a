"""An answer costs the sum of what it states times the catalogue's rates, read by what reads it in the gateway.

The oracle is the catalogue's own calculation, which shares no code with ours.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.money.cost import answer_cost
from gateway.money.price_lists import seller_of
from gateway.money.published_prices import PublishedPrices
from gateway.wire.aws_event_stream import EventStreamDecoder, event_of
from gateway.wire.json_skeleton import Skeleton
from gateway.wire.sse import StreamTap
from tests.support.answers import COUNT, OF_EVERY_API
from tests.support.price_oracle import NOW, Charge, calculated, half_up, summed, usd


def pieces(answer):
    at = 0
    for size in answer.cuts:
        yield answer.data[at : at + size]
        at += size
    yield answer.data[at:]


def stated_by(answer):
    """What the gateway reads, whole or in pieces."""
    shape = answer.endpoint.shape
    if not answer.is_stream:
        return shape.read_usage(answer.data)
    if shape.name == "converse":
        decoder, stated = EventStreamDecoder(), None
        for piece in pieces(answer):
            for message in decoder.feed(piece):
                stated = shape.read_event(stated, event_of(message)[1])
        return stated
    tap = StreamTap(shape.read_event, withhold_usage=len(answer.cuts) % 2 == 1)
    for piece in pieces(answer):
        tap.feed(piece)
    tap.end()
    return tap.usage


def cost_of(answer, stated):
    def price_of(model):
        return PublishedPrices().price(seller_of(answer.type, None), model, NOW)

    return answer_cost(stated.usage, stated.served, price_of(answer.asked), price_of, answer.asked)


@pytest.mark.parametrize("api", OF_EVERY_API)
@settings(deadline=None)
@given(st.data())
def test_an_answer_costs_what_the_catalogue_calculates(api, data):
    answer = data.draw(OF_EVERY_API[api])

    stated = stated_by(answer)

    assert stated.unread == ()
    charged = cost_of(answer, stated)
    assert charged.nano_usd == half_up(sum(map(usd, answer.charges)))
    assert charged.unpriced == ()


@pytest.mark.parametrize("api", OF_EVERY_API)
@settings(deadline=None, max_examples=20)
@given(st.data())
def test_an_answer_that_is_too_large_to_be_kept_costs_the_same(api, data):
    answer = data.draw(OF_EVERY_API[api].filter(lambda one: not one.is_stream))
    skeleton = Skeleton()
    for piece in pieces(answer):
        skeleton.feed(piece)

    kept = answer.endpoint.shape.read_usage(skeleton.text)

    assert cost_of(answer, kept).nano_usd == half_up(sum(map(usd, answer.charges)))


LEAVES = st.dictionaries(
    st.sampled_from(["fresh", "cache_read", "cache_write", "cache_write_1h", "text", "reasoning", "web_searches"]),
    COUNT,
)


@given(st.sampled_from(["claude-sonnet-4-5", "claude-haiku-5-5", "claude-opus-4-8"]), LEAVES)
def test_the_two_oracles_agree_where_both_can_tell(model, leaves):
    charge = Charge("anthropic", model, leaves)

    assert summed(charge) == calculated(charge)
