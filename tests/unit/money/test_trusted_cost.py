"""When the word of an answer counts for what it cost."""

import pytest

from gateway.money.cost import STATED, AnswerCost, trusted_cost
from gateway.money.prices import Price

PRICE = Price(input=1, source="file")
DEAR, FREE = AnswerCost(700, PRICE, (), "file"), AnswerCost(0, PRICE, (), "file")
PARTLY = AnswerCost(0, PRICE, ("web_searches",), "file")


@pytest.mark.parametrize(
    ("stated", "listed", "cost", "source"),
    [
        (5, DEAR, 5, STATED),
        (5_000, DEAR, 5_000, STATED),
        (5, None, 5, STATED),
        (0, FREE, 0, STATED),
        (0, DEAR, 700, "file"),
        (0, PARTLY, 0, "file"),
        (-5, DEAR, 700, "file"),
        (None, DEAR, 700, "file"),
    ],
)
def test_a_stated_cost_counts_unless_it_cannot_be_right(stated, listed, cost, source):
    charged = trusted_cost(stated, listed)

    assert (charged.nano_usd, charged.source) == (cost, source)
    assert charged.source != STATED or (charged.price.known == {} and charged.unpriced == ())


@pytest.mark.parametrize("stated", [0, None, -1])
def test_without_a_price_nothing_is_made_up(stated):
    assert trusted_cost(stated, None) is None
