"""The cost that an answer states, as far as it can be one."""

import json
import math
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.shapes.figures import together
from gateway.shapes.openai_usage import read_body, read_event
from gateway.shapes.stated_cost import stated_cost
from gateway.usage import Served, Stated, Usage

TOKENS = {"prompt_tokens": 9, "completion_tokens": 2}


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ({"cost": 0.95}, 950_000_000),
        ({"cost": 0.00123}, 1_230_000),
        ({"cost": 3e-10}, 1),
        ({"cost": 0}, 0),
        ({"cost": 2}, 2_000_000_000),
        ({"cost": {"input_tokens_cost": 0.001, "request_cost": 0.005, "total_cost": 0.0061}}, 6_100_000),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.2}}, 210_000_000),
        ({"cost": 0.01, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.2}}, 10_000_000),
        ({"cost": 0.01, "is_byok": True}, None),
        ({"cost": 0.01, "is_byok": True, "cost_details": {"upstream_inference_cost": -1}}, None),
        ({"cost": -0.01}, None),
        ({"cost": "0.01"}, None),
        ({"cost": True}, None),
        ({"cost": None}, None),
        ({"cost": {"total_cost": None}}, None),
        ({"cost": [1]}, None),
        ({"cost": math.nan}, None),
        ({"cost": math.inf}, None),
        ({"cost": 1e300}, None),
        ({"cost": 10**400}, None),
        ({}, None),
    ],
)
def test_what_can_be_a_cost(usage, cost):
    assert stated_cost(usage) == cost


@given(st.decimals(0, 9000, places=9))
def test_no_part_of_a_nano_dollar_is_lost(usd):
    assert stated_cost({"cost": float(usd)}) == int(usd.scaleb(9).to_integral_value(ROUND_CEILING))
    assert stated_cost({"cost": float(usd + Decimal("4e-10"))}) >= usd.scaleb(9)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), st.lists))
def test_anything_else_is_none_or_a_whole_number(value):
    for usage in ({"cost": value}, {"cost": {"total_cost": value}}):
        assert (cost := stated_cost(usage)) is None or (type(cost) is int and 0 <= cost < 2**53)


def test_answers_and_streams_state_it():
    body = json.dumps({"model": "m", "usage": {**TOKENS, "cost": 0.5}}).encode()
    event = json.dumps({"response": {"model": "m", "usage": {**TOKENS, "cost": {"total_cost": 0.5}}}}).encode()

    assert read_body(body).served == read_event(None, event).served == Served(model="m", stated_cost=500_000_000)
    assert read_body(json.dumps({"usage": TOKENS}).encode()).served is None


def test_of_two_answers_both_have_to_say_it():
    half, silent = (Stated(usage=Usage(), served=Served(stated_cost=cost)) for cost in (5, None))

    assert together(half, half).served.stated_cost == 10
    assert together(half, silent).served.stated_cost is None
