"""How long a prompt is, where the provider it would go to does not say: the gateway's own estimate, marked as such."""

from typing import Final

import msgspec

from gateway.money.estimate import bound_input
from gateway.pipeline.holds import prompt_tokens
from gateway.pipeline.outbound import is_strict, translated
from gateway.pipeline.relay import Reply
from gateway.pipeline.services import Services
from gateway.pipeline.settle import settle
from gateway.pipeline.states import Admitted, Ended
from gateway.turns import LONG_BYTES, beside

_ESTIMATED: Final = ("x-langwatch-usage-warning", "input-tokens-estimated")
_SHORTEST_ANSWER: Final = {"max_tokens": 1}


async def count(request: Admitted, services: Services) -> Reply:
    """The answer of Anthropic's `count_tokens`. Raises `GatewayError` for a request that could not be asked."""
    is_long = len(request.body.data) >= LONG_BYTES
    tokens = await beside(_tokens, request) if is_long else _tokens(request)
    settle(request.received, services, Ended(200, "ok"))
    headers = [("content-type", "application/json"), _ESTIMATED]
    return Reply(200, headers, data=msgspec.json.encode({"input_tokens": tokens}))


def _tokens(request: Admitted) -> int:
    """Tokens of the prompt as the provider would get it."""
    candidate = request.candidate
    endpoint, translation = candidate.lane.endpoint, candidate.lane.translation
    if translation is None:
        return prompt_tokens(request)
    document = {**_SHORTEST_ANSWER, **request.body.document()}
    body = translated(request, candidate, translation, document, strict=is_strict(request.body)).body
    return bound_input(msgspec.json.encode(body), endpoint.shape.media.found_in).tokens
