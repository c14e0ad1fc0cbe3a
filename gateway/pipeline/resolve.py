"""Which provider and model does the name in the request stand for, and may this key call it?"""

import random

from gateway.errors import GatewayError
from gateway.pipeline.candidates import resolution, serving
from gateway.pipeline.exchange import Exchange
from gateway.shapes.declares import OF_MODELS, declared
from gateway.snapshot.snapshot import Candidate, Resolution

_LONGEST_NAME = 512
_REMEMBERED = 512


def resolve(exchange: Exchange) -> None:
    """Sets the candidates, of which the first is asked."""
    key, body, endpoint = exchange.key, exchange.body, exchange.endpoint
    assert key is not None  # noqa: S101 - `authenticate` came before
    assert body is not None  # noqa: S101 - the body was read before
    asked = body.model or endpoint.default_model
    if asked is None:
        raise GatewayError("bad_request", "The request names no model; add `model`.", param="model")
    if len(asked) > _LONGEST_NAME:
        raise GatewayError("bad_request", f"A model's name has at most {_LONGEST_NAME} characters.", param="model")
    exchange.model_asked = asked
    found = key.resolutions.get((endpoint.name, asked))
    if found is None:
        found = resolution(exchange.snapshot, key, endpoint, asked)
        if len(key.resolutions) >= _REMEMBERED:
            key.resolutions.clear()
        key.resolutions[endpoint.name, asked] = found
    exchange.model_source = found.source
    exchange.fallback = found.fallback
    exchange.candidates = balanced(found) if found.balances else found.candidates
    if key.models_allowed is not None or key.judge.has_models:
        named = tuple(declared(endpoint.shape.declares, body, OF_MODELS))
        if named:
            exchange.candidates = serving(key, exchange.candidates, named)
    exchange.go_to(exchange.candidates[0])


def balanced(found: Resolution) -> tuple[Candidate, ...]:
    """The candidates, with those that share requests out in the order of this request."""
    candidates = list(found.candidates)
    for balance in found.balances:
        end = balance.start + len(balance.weights)
        sharing = list(zip(candidates[balance.start : end], balance.weights, strict=True))
        # Efraimidis and Spirakis (2006): sorting by u^(1/w) draws without replacement in proportion to the weights.
        sharing.sort(key=lambda one: random.random() ** (1 / one[1]), reverse=True)  # noqa: S311 - no secret
        if balance.least_busy:
            sharing.sort(key=lambda one: one[0].upstream.under_way.count / one[1])
        candidates[balance.start : end] = [one for one, _ in sharing]
    return tuple(candidates)
