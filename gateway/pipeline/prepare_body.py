"""The body as a candidate gets it: identical, spliced where only a few bytes may change, or translated."""

import msgspec

from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange
from gateway.shapes.endpoints import BodyForm
from gateway.shapes.vendor import Vendor
from gateway.wire.cache_marks import with_marks, without_marks
from gateway.wire.json_splice import Splice, apply
from gateway.wire.request_body import RequestBody

_STRICTNESS = "drop_tuning_params"


def prepare_body(exchange: Exchange) -> None:
    """Sets what is sent upstream for the present candidate. Raises `bad_request` or `unsupported_parameter`."""
    body, lane = exchange.body, exchange.lane
    assert body is not None  # noqa: S101 - the body was read before
    assert lane is not None  # noqa: S101 - `resolve` came before
    strict = _is_strict(body)
    exchange.params_dropped = ()
    exchange.withholds_usage = False
    if lane.translation is None:
        _splice(exchange, body)
    else:
        _translate(exchange, body, strict=strict)
    if exchange.cache_mode != "respect" and lane.endpoint.body is BodyForm.JSON:
        _mark(exchange, lane.endpoint.shape.vendor)


def _splice(exchange: Exchange, body: RequestBody) -> None:
    """The resolved model goes in, and the wish for a usage report where a stream would otherwise carry none."""
    upstream, model = exchange.upstream, exchange.model
    assert upstream is not None  # noqa: S101 - `resolve` came before
    assert model is not None  # noqa: S101 - `resolve` came before
    splices: list[Splice] = []
    wire_model = upstream.provider.wire_model(exchange.endpoint, model)
    if wire_model != exchange.model_asked:
        splices += body.replacing_model(wire_model)
    if body.stream and exchange.endpoint.shape.include_usage:
        wish = body.asking_for_usage()
        exchange.withholds_usage = bool(wish)
        splices += wish
    splices += body.removing(_STRICTNESS)
    exchange.upstream_body = apply(body.data, splices) if splices else body.data
    exchange.body_treatment = "spliced" if splices else "identical"


def _translate(exchange: Exchange, body: RequestBody, *, strict: bool) -> None:
    """Another company's shape: built anew, with what could not be carried over reported or refused."""
    candidate = exchange.candidate
    translation = candidate.lane.translation
    assert translation is not None  # noqa: S101 - the caller looked
    wire_model = candidate.upstream.provider.wire_model(candidate.lane.endpoint, candidate.model)
    translated = translation.request(body.document(), model=wire_model, strict=strict)
    exchange.upstream_body = msgspec.json.encode(translated.body)
    exchange.params_dropped = translated.dropped
    exchange.body_treatment = "translated"


def _mark(exchange: Exchange, vendor: Vendor) -> None:
    """Takes cache marks out, or sets them where the provider's shape has them."""
    body = exchange.upstream_body
    if exchange.cache_mode == "disable":
        splices = without_marks(body)
    else:
        splices = with_marks(body) if vendor is Vendor.ANTHROPIC else []
    if splices:
        exchange.upstream_body = apply(body, splices)
        if exchange.body_treatment == "identical":
            exchange.body_treatment = "spliced"


def _is_strict(body: RequestBody) -> bool:
    """Whether the client would rather be refused than lose a parameter."""
    written = body.decoded(_STRICTNESS)
    if written is not None and not isinstance(written, bool):
        raise GatewayError("bad_request", f"`{_STRICTNESS}` is true or false.", param=_STRICTNESS)
    return written is False
