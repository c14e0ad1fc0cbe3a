"""The body as a candidate gets it: identical, spliced where only a few bytes may change, or translated."""

from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.errors import GatewayError
from gateway.lanes.base import Json, Translated, Translation
from gateway.money.estimate import bound_input
from gateway.pipeline.states import Admitted, Outbound
from gateway.providers.base import Provider
from gateway.shapes import targets
from gateway.shapes.addresses import Address, Form
from gateway.shapes.allows import allows
from gateway.shapes.cloud_messages import HEADER, CloudForm
from gateway.shapes.endpoints import BodyForm, Endpoint
from gateway.shapes.stated import choices, output_cap
from gateway.shapes.vendor import Vendor
from gateway.snapshot.snapshot import Candidate, CompiledKey
from gateway.wire.addressed_body import addressed_body
from gateway.wire.cache_marks import with_marks, without_marks
from gateway.wire.json_body import JsonBody
from gateway.wire.json_splice import Splice, apply
from gateway.wire.multipart import MultipartBody
from gateway.wire.request_body import RequestBody
from gateway.wire.sealed_reasoning import without_sealed_reasoning
from gateway.wire.sealed_signatures import without_sealed_signatures
from gateway.wire.sealed_thoughts import without_sealed_thoughts
from gateway.wire.unsigned_thinking import without_unsigned_thinking

_OF_A_CLOUD: Final = ("anthropic_version", "anthropic_beta")
"""Members of a Messages body that only the clouds have, each its own."""

_STRICTNESS: Final = "drop_tuning_params"
THREAD_UNSUPPORTED: Final = "thread_unsupported_request"
_THOUGHTS: Final = "messages[].thinking_blocks"
_WITH_ITEMS: Final = ("responses", "responses_compact", "responses_input_tokens")
_REASONING: Final = "input[type=reasoning]"
_THINKING: Final = "messages[].content[type=thinking]"
_SIGNATURES: Final = "contents[].parts[].thoughtSignature"
_BETAS: Final = HEADER.encode()


def ruled_by_key(key: CompiledKey, endpoint: Endpoint, body: RequestBody) -> tuple[RequestBody, tuple[str, ...]]:
    """A body as the rules of a key have it, and what they did: it is judged, held for and sent as this.

    Raises `bad_request` or `unsupported_parameter`.
    """
    rules = key.rules
    if rules is None or endpoint.is_stored:
        return body, ()
    if isinstance(body, MultipartBody):
        rules.check_form(body)
        return body, ()
    edited = rules.edited(endpoint, body)
    if edited is None:
        return body, ()
    _refuse_loss(body, edited.left_out)
    ruled = JsonBody(edited.data, endpoint.shape.declares.judged)
    # What the path says is not in the body.
    ruled.model, ruled.stream = body.model, body.stream
    return ruled, edited.told


def fit(request: Admitted, candidate: Candidate) -> None:
    """Makes the request what it is at a candidate, whose rules or cloud may change its fields: held is what goes up.

    Raises `bad_request` or `unsupported_parameter`.
    """
    rules, form, translation = candidate.upstream.rules, candidate.upstream.provider.form, candidate.lane.translation
    # PERF: hardly any provider has rules.
    if (rules is None and form is None and request.fitted is None) or request.fitted is candidate:
        return
    endpoint = request.received.endpoint
    if request.fitted is not None:
        _restore(request)
    if endpoint.is_stored or isinstance(request.came, MultipartBody):
        return
    if translation is None:
        body, told = _formed(request, candidate, form) if form is not None else (request.came, ())
        edited = None if rules is None else rules.edited(endpoint, body)
        if edited is not None:
            _refuse_loss(request.came, edited.left_out)
            body, told = JsonBody(edited.data, endpoint.shape.declares.judged), (*told, *edited.told)
        if body is not request.came:
            # What the path says is not in the body.
            body.model, body.stream = request.came.model, request.came.stream
            request.body = body
            request.prompt = request.allowed = None
            request.output_cap = output_cap(endpoint.shape, body)
            request.choices = choices(endpoint.shape, body)
        request.ruled = told
    elif rules is not None:
        outbound = _translated(request, candidate, translation, strict=is_strict(request.came))
        edited = rules.edited(candidate.lane.endpoint, JsonBody(outbound.body))
        if edited is not None:
            _refuse_loss(request.came, edited.left_out)
            _hold_for(request, candidate, JsonBody(edited.data))
            outbound = outbound._replace(body=edited.data, params_dropped=(*outbound.params_dropped, *edited.told))
        request.outbound = outbound
    request.fitted = candidate


def _formed(request: Admitted, candidate: Candidate, form: CloudForm) -> tuple[RequestBody, tuple[str, ...]]:
    """The body as a cloud takes it, and what was left out of it, and of the betas in its headers."""
    came, shape = request.came, request.received.endpoint.shape
    if shape.vendor is not Vendor.ANTHROPIC:
        return came, ()
    _refuse_thread(came)
    betas = b",".join([value for name, value in request.received.headers if name == _BETAS]).decode("latin-1")
    data, lost = form.edited(candidate.model, came.data, betas)
    _refuse_loss(came, [one for one in lost if not one.startswith(HEADER)])
    return (came if data == came.data else JsonBody(data, shape.declares.judged)), lost


def _restore(request: Admitted) -> None:
    shape, came = request.received.endpoint.shape, request.came
    request.body, request.ruled, request.fitted, request.outbound = came, (), None, None
    request.output_cap, request.choices = output_cap(shape, came), choices(shape, came)
    request.prompt = request.allowed = None


def _hold_for(request: Admitted, candidate: Candidate, up: JsonBody) -> None:
    """What is held for a request that a lane has made, and rules have changed, is told by what they made of it."""
    endpoint = candidate.lane.endpoint
    declares = endpoint.shape.declares
    if declares.output_caps:
        request.output_cap = output_cap(endpoint.shape, up)
    if declares.choices:
        request.choices = choices(endpoint.shape, up)
    request.prompt = bound_input(up.data, endpoint.shape.media.found_in)
    request.allowed = allows(endpoint, up, request.prompt, request.key.in_force.reservations.assumed)


def _refuse_loss(body: RequestBody, left_out: Sequence[str]) -> None:
    """A client that would rather be refused than lose a parameter loses none to a rule or to a cloud either."""
    if left_out and is_strict(body):
        field = left_out[0]
        raise GatewayError(
            "unsupported_parameter", f"`{field}` would be left out on the way to the provider.", param=field
        )


def _refuse_thread(body: RequestBody) -> None:
    """Threads are kept by Anthropic alone. Its SDKs begin one by themselves, and know this refusal: they do without."""
    if "thread" in body.names and body.raw("thread") != b"null":
        raise GatewayError(
            "unsupported_parameter",
            "`thread` refers to messages that Anthropic keeps; send all messages without it.",
            code=THREAD_UNSUPPORTED,
            param="thread",
            details={"error_code": THREAD_UNSUPPORTED, "unsupported": ["thread"]},
        )


def prepare_body(request: Admitted, candidate: Candidate) -> Outbound:
    """The body as a candidate gets it: identical, spliced where only a few bytes may change, or translated.

    Raises `bad_request` or `unsupported_parameter`.
    """
    fit(request, candidate)
    lane = candidate.lane
    if lane.translation is None:
        outbound = _spliced(request, candidate)
    else:
        strict = is_strict(request.body)
        outbound = request.outbound or _translated(request, candidate, lane.translation, strict=strict)
    if request.told:
        outbound = _telling(outbound, request.told)
    if request.cache_mode != "respect" and lane.endpoint.body is BodyForm.JSON:
        return _marked(outbound, request.cache_mode, lane.endpoint.shape.vendor)
    return outbound


def _telling(outbound: Outbound, told: Sequence[str]) -> Outbound:
    """The same, with what rules of the key did to the body before."""
    treatment = "spliced" if outbound.treatment == "identical" else outbound.treatment
    return outbound._replace(treatment=treatment, params_dropped=(*told, *outbound.params_dropped))


def _spliced(request: Admitted, candidate: Candidate) -> Outbound:
    """The resolved model goes in, and the wish for a usage report where a stream would otherwise carry none."""
    body, endpoint = request.body, request.received.endpoint
    splices: list[Splice] = []
    dropped = request.ruled
    withholds_usage = False
    provider, address = candidate.upstream.provider, request.received.address
    wire_model = provider.wire_model(endpoint, candidate.model)
    if address is None:
        if wire_model != request.model_asked:
            splices += body.replacing_model(wire_model)
    elif isinstance(body, MultipartBody) and ("model" in body.names or not provider.is_named_in_url(endpoint)):
        splices += body.replacing_model(wire_model)
    if body.stream and endpoint.shape.include_usage:
        wish = body.asking_for_usage()
        withholds_usage = bool(wish)
        splices += wish
    if _STRICTNESS in body.names:
        is_strict(body)  # which raises for what is no answer
        splices += body.removing(_STRICTNESS)
    thoughts, told = _thoughts_of_others(body, candidate, endpoint)
    if thoughts:
        splices += thoughts
        dropped = (*dropped, told)
    data = apply(body.data, splices) if splices else body.data
    if address is not None and not isinstance(body, MultipartBody):
        data = _at_address(address, data, wire_model, provider, endpoint)
    if data is body.data:
        return Outbound(data, "spliced" if dropped else "identical", dropped)
    return Outbound(data, "spliced", dropped, withholds_usage)


def _thoughts_of_others(body: RequestBody, candidate: Candidate, endpoint: Endpoint) -> tuple[list[Splice], str]:
    """The splices that take out what others thought, as lanes have marked and sealed it, and what is told of it."""
    data, seen = body.data, body.glance
    may_be_sealed = seen is None or seen.has_state
    if endpoint.shape.vendor is Vendor.ANTHROPIC:
        signs = candidate.upstream.provider.signs_thinking
        return without_unsigned_thinking(data, marked_alone=not signs, may_be_sealed=may_be_sealed), _THINKING
    if not may_be_sealed:
        return [], ""
    if endpoint.name == "chat_completions":
        return without_sealed_thoughts(data), _THOUGHTS
    if endpoint.name in _WITH_ITEMS:
        return without_sealed_reasoning(data), _REASONING
    if endpoint.name == "generate_content":
        return without_sealed_signatures(data), _SIGNATURES
    return [], ""


def _at_address(address: Address, data: bytes, wire_model: str, provider: Provider, endpoint: Endpoint) -> bytes:
    """The body for a provider that may want the model in it, or is another company's than the form is of."""
    is_own_form = address.form.value == provider.type or endpoint.shape.vendor is not Vendor.ANTHROPIC
    return addressed_body(
        data,
        wire_model,
        in_body=not provider.is_named_in_url(endpoint),
        streams=address.streams,
        left_out=() if is_own_form else _OF_A_CLOUD,
    )


def betas_in_body(request: Admitted, candidate: Candidate) -> str:
    """The betas that a body in Bedrock's form names, for a provider that wants them in a header; mostly empty."""
    address = request.received.address
    if address is None or address.form is not Form.BEDROCK or candidate.lane.translation is not None:
        return ""
    stated = None if candidate.upstream.provider.type == Form.BEDROCK.value else request.body.decoded("anthropic_beta")
    return ",".join(one for one in stated if isinstance(one, str)) if isinstance(stated, list) else ""


def _translated(request: Admitted, candidate: Candidate, translation: Translation, *, strict: bool) -> Outbound:
    """Another company's shape: built anew, with what could not be carried over reported or refused."""
    done = translated(request, candidate, translation, document_of(request), strict=strict)
    return Outbound(msgspec.json.encode(done.body), "translated", done.dropped, kept=done.kept)


def document_of(request: Admitted) -> Json:
    """The parsed request; without its cache marks, where there are to be none: a target's may have another form."""
    body = request.body
    splices = without_marks(body.data) if request.cache_mode == "disable" else ()
    return JsonBody(apply(body.data, splices)).document() if splices else body.document()


def translated(
    request: Admitted, candidate: Candidate, translation: Translation, document: Json, *, strict: bool
) -> Translated:
    """A client's request as a candidate gets it. Raises `bad_request` or `unsupported_parameter`."""
    if request.received.endpoint.shape.vendor is Vendor.ANTHROPIC:
        _refuse_thread(request.came)
    provider, endpoint = candidate.upstream.provider, candidate.lane.endpoint
    if request.received.address is not None:
        _refuse_array(request)
        document = {name: value for name, value in document.items() if name not in _OF_A_CLOUD}
        document.update(model=request.model_asked, stream=request.body.stream)
    done = translation.request(
        document,
        model=provider.wire_model(endpoint, candidate.model),
        strict=strict,
        provider=provider.name,
        seal=request.received.snapshot.seal,
    )
    stops = targets.stops_beside(provider.type, endpoint.name, candidate.model, done.body)
    if stops and done.kept is not None:
        done = msgspec.structs.replace(done, kept=done.kept._replace(stops=stops))
    told = targets.fit(provider.type, endpoint.name, candidate.model, done.body)
    if not told:
        return done
    if strict:
        raise GatewayError(
            "unsupported_parameter",
            f"`{told[0]}` is not what {candidate.model} takes.",
            param=told[0].partition(":")[0],
        )
    return msgspec.structs.replace(done, dropped=(*done.dropped, *told))


def _refuse_array(request: Admitted) -> None:
    """A translated stream comes as events alone: Gemini's own API sends an array to those who do not ask for them."""
    received = request.received
    if received.endpoint.shape.element is not None and request.body.stream and b"alt=sse" not in received.query:
        raise GatewayError(
            "unsupported_parameter",
            "This model's provider has another API, and streams with `?alt=sse` alone.",
            param="alt",
        )


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


def is_strict(body: RequestBody) -> bool:
    """Whether the client would rather be refused than lose a parameter."""
    if _STRICTNESS not in body.names:
        return False
    written = body.decoded(_STRICTNESS)
    if written is not None and not isinstance(written, bool):
        raise GatewayError("bad_request", f"`{_STRICTNESS}` is true or false.", param=_STRICTNESS)
    return written is False
