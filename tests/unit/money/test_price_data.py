"""Data in the format of genai-prices: the package's own comes out as it is, and what is wrong is said with its place."""

import contextlib
import dataclasses
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import genai_prices.data
import pytest
from genai_prices.types import ModelPrice
from hypothesis import given
from hypothesis import strategies as st

from gateway.money.price_data import BadPriceDataError, PriceData, installed, read_price_data
from gateway.money.price_lists import Seller
from gateway.money.published_prices import PublishedPrices

MOMENTS = [datetime(2026, 11, 24, 2, tzinfo=UTC), datetime(2027, 3, 1, 12, tzinfo=UTC)]


def raw(value):
    """What the package has, as its data files write it."""
    if isinstance(value, ModelPrice):
        return {name: raw(one) for name, one in vars(value).items() if one is not None}
    if dataclasses.is_dataclass(value):
        members = {field.name.rstrip("_"): getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: raw(one) for name, one in members.items() if one is not None and not name.startswith("_")}
    if isinstance(value, list):
        return [raw(one) for one in value]
    if isinstance(value, dict):
        return {name: raw(one) for name, one in value.items()}
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, (date, time)) else value


SOME = [dataclasses.replace(one, extractors=None) for one in genai_prices.data.providers]


def test_the_packages_own_data_says_the_same_when_it_is_handed_over():
    content = json.dumps([raw(one) for one in SOME]).encode()

    own, handed = PublishedPrices(), PublishedPrices(read_price_data(content, "data.json"))

    compared = 0
    for one in SOME:
        seller = Seller((one.id,), one.id)
        for model in one.models:
            for at in MOMENTS:
                price, again = (catalogue.price(seller, model.id, at) for catalogue in (own, handed))
                assert (price is None) == (again is None)
                if price is not None:
                    assert (again.known, again.tiers, again.terms) == (price.known, price.tiers, price.terms)
                    assert again.source == price.source.replace(installed().named, "data.json")
                    compared += 1
            assert own.changes(seller, model.id) == handed.changes(seller, model.id)
    assert compared > 1_000


def seller(*models, **members):
    return {"id": "openai", "name": "OpenAI", "api_pattern": "https://api", "models": [*models], **members}


def model(**members):
    return {"id": "gpt-9", "match": {"equals": "gpt-9"}, "prices": {"input_mtok": 1, "output_mtok": 2}, **members}


BAD = {
    "no JSON": (b"<html>", "this is no JSON: "),
    "cut off": (json.dumps([seller(model())])[:-5].encode(), "this is no JSON: "),
    "no text": (b"[\xff]", "this is no JSON: "),
    "deep": (b"[" * 100_000, "this is no JSON: "),
    "an object": (b"{}", "an array of sellers belongs here"),
    "nothing": (b"[]", "an array of sellers belongs here"),
    "no seller": ([1], "[0]: a seller is an object"),
    "no models": ([{"id": "openai"}], "list openai: models is no array"),
    "no name": ([seller(id=None)], "list number 1: "),
    "a negative price": (
        [seller(model(), model(id="bad", prices={"input_mtok": -1}))],
        "list openai, model bad: prices.input_mtok: a price is a finite amount of at least 0",
    ),
    "a price of words": ([seller(model(prices={"input_mtok": "much"}))], "list openai, model gpt-9: "),
    "an unknown kind": (
        [seller(model(prices={"input_dreams": 1}))],
        "list openai, model gpt-9: prices.input_dreams: this version of the gateway does not count such a kind",
    ),
    "no match": ([seller({"id": "gpt-9", "prices": {}})], "list openai, model gpt-9: match: Field required"),
    "a bad day": (
        [seller(model(prices=[{"constraint": {"start_date": "soon"}, "prices": {"input_mtok": 1}}]))],
        "list openai, model gpt-9: ",
    ),
    "a bad pattern": (
        [seller(model(match={"or": [{"equals": "x"}, {"regex": "(("}]}))],
        "list openai, model gpt-9: match: '((' is no regular expression: ",
    ),
}


@pytest.mark.parametrize(("content", "says"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said_with_its_place(content, says):
    with pytest.raises(BadPriceDataError) as raised:
        read_price_data(content if isinstance(content, bytes) else json.dumps(content).encode(), "data.json")

    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda one: st.lists(one) | st.dictionaries(st.sampled_from(["id", "models", "match", "prices", "name"]), one),
    )
)
def test_nothing_else_comes_of_anything(value):
    with contextlib.suppress(BadPriceDataError):
        assert isinstance(read_price_data(json.dumps(value).encode(), "x"), PriceData)
