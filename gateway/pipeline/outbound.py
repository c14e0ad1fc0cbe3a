"""The body as a candidate gets it: identical, spliced where only a few bytes may change, or translated."""

from typing import Final

import msgspec

from gateway.errors import GatewayError
from gateway.lanes.base import Translation
from gateway.pipeline.states import Admitted, Outbound
from gateway.shapes.endpoints import BodyForm
from gateway.shapes.vendor import Vendor
from gateway.snapshot.snapshot import Candidate
from gateway.wire.cache_marks import with_marks, without_marks
from gateway.wire.json_splice import Splice, apply
from gateway.wire.request_body import RequestBody
from gateway.wire.unsigned_thinking import without_unsigned_thinking

_STRICTNESS: Final = "drop_tuning_params"
_THINKING: Final = "messages[].content[type=thinking]"


def prepare_body(request: Admitted, candidate: Candidate) -> Outbound:
    """The body as a candidate gets it: identical, spliced where only a few bytes may change, or translated.

    Raises `bad_request` or `unsupported_parameter`.
    """
    body, lane = request.body, candidate.lane
    strict = _STRICTNESS in body.names and _is_strict(body)
    if lane.translation is None:
        outbound = _spliced(request, candidate)
    else:
        outbound = _translated(request, candidate, lane.translation, strict=strict)
    if request.cache_mode != "respect" and lane.endpoint.body is BodyForm.JSON:
        return _marked(outbound, request.cache_mode, lane.endpoint.shape.vendor)
    return outbound


def _spliced(request: Admitted, candidate: Candidate) -> Outbound:
    """The resolved model goes in, and the wish for a usage report where a stream would otherwise carry none."""
    body, endpoint = request.body, request.received.endpoint
    splices: list[Splice] = []
    dropped: tuple[str, ...] = ()
    withholds_usage = False
    wire_model = candidate.upstream.provider.wire_model(endpoint, candidate.model)
    if wire_model != request.model_asked:
        splices += body.replacing_model(wire_model)
    if body.stream and endpoint.shape.include_usage:
        wish = body.asking_for_usage()
        withholds_usage = bool(wish)
        splices += wish
    if _STRICTNESS in body.names:
        splices += body.removing(_STRICTNESS)
    if endpoint.shape.vendor is Vendor.ANTHROPIC:
        unsigned = without_unsigned_thinking(body.data, marked_alone=not candidate.upstream.provider.signs_thinking)
        if unsigned:
            splices += unsigned
            dropped = (_THINKING,)
    if not splices:
        return Outbound(body.data, "identical")
    return Outbound(apply(body.data, splices), "spliced", dropped, withholds_usage)


def _translated(request: Admitted, candidate: Candidate, translation: Translation, *, strict: bool) -> Outbound:
    """Another company's shape: built anew, with what could not be carried over reported or refused."""
    provider = candidate.upstream.provider
    translated = translation.request(
        request.body.document(),
        model=provider.wire_model(candidate.lane.endpoint, candidate.model),
        strict=strict,
        provider=provider.name,
        seal=request.received.snapshot.seal,
    )
    return Outbound(msgspec.json.encode(translated.body), "translated", translated.dropped, kept=translated.kept)


def _marked(outbound: Outbound, cache_mode: str, vendor: Vendor) -> Outbound:
    """Takes cache marks out, or sets them where the provider's shape has them."""
    body = outbound.body
    splices: list[Splice] = []
    if cache_mode == "disable":
        splices = without_marks(body)
    elif vendor is Vendor.ANTHROPIC:
        splices = with_marks(body)
    if not splices:
        return outbound
    treatment = "spliced" if outbound.treatment == "identical" else outbound.treatment
    return outbound._replace(body=apply(body, splices), treatment=treatment)


def _is_strict(body: RequestBody) -> bool:
    """Whether the client would rather be refused than lose a parameter."""
    written = body.decoded(_STRICTNESS)
    if written is not None and not isinstance(written, bool):
        raise GatewayError("bad_request", f"`{_STRICTNESS}` is true or false.", param=_STRICTNESS)
    return written is False
