"""Which provider and model does the name in the request stand for, and may this key call it?"""

from collections.abc import Callable, Iterator

from gateway.errors import GatewayError
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.limit import add_holds
from gateway.providers.well_known_models import types_serving
from gateway.snapshot.snapshot import CompiledKey, Snapshot, Target, Upstream
from gateway.wire.endpoints import Endpoint

_LISTED_MODELS = 20
_LONGEST_NAME = 512


def resolve(exchange: Exchange) -> None:
    """Sets provider and model, judges the model, and adds the provider's own limits.

    The first match decides: an alias of the key, an alias of the file, a provider's name before the first slash, a
    provider's type before it, a model that a provider declares, a well-known name, the key's only provider.
    """
    key, body, endpoint = exchange.key, exchange.body, exchange.endpoint
    assert key is not None  # noqa: S101 - `authenticate` came before
    assert body is not None  # noqa: S101 - the body was read before
    asked = body.model or endpoint.default_model
    if asked is None:
        raise GatewayError("bad_request", "The request names no model; add `model`.", param="model")
    if len(asked) > _LONGEST_NAME:
        raise GatewayError("bad_request", f"A model's name has at most {_LONGEST_NAME} characters.", param="model")
    exchange.model_asked = asked
    target, exchange.model_source = find_target(exchange.snapshot, key, endpoint, asked)
    upstream = key.upstreams.get(target.provider)
    if upstream is None:
        raise _refused(key, f"This key may not use the provider {target.provider}, where {asked!r} leads.")
    if not upstream.provider.serves(endpoint):
        raise _refused(key, f"{asked!r} leads to the provider {target.provider}, which does not serve {endpoint.path}.")
    exchange.upstream, exchange.model = upstream, target.model
    judge_model(key, target)
    add_holds(exchange, upstream.holds)


def find_target(snapshot: Snapshot, key: CompiledKey, endpoint: Endpoint, asked: str) -> tuple[Target, str]:
    """The target and which rule of the order above found it; raises `model_not_allowed` when none does."""
    target = key.aliases.get(asked)
    if target is not None:
        return target, "key_alias"
    target = snapshot.aliases.get(asked)
    if target is not None:
        return target, "alias"
    prefix, slash, rest = asked.partition("/")
    if slash and rest:
        if prefix in snapshot.upstreams:
            return Target(prefix, rest), "provider"
        of_type = _first(key, endpoint, lambda upstream: upstream.provider.type == prefix)
        if of_type is not None:
            return Target(of_type, rest), "provider_type"
    declaring = _first(key, endpoint, lambda upstream: asked in upstream.provider.models)
    if declaring is not None:
        return Target(declaring, asked), "declared"
    types = types_serving(asked)
    if types:
        serving = _first(key, endpoint, lambda upstream: upstream.provider.type in types)
        if serving is not None:
            return Target(serving, asked), "well_known"
    if len(key.upstreams) == 1:
        return Target(next(iter(key.upstreams)), asked), "only_provider"
    raise _refused(key, f"No provider of this key serves {asked!r}.")


def judge_model(key: CompiledKey, target: Target) -> None:
    """Raises `model_not_allowed` when the allow list or a rule refuses the resolved model."""
    spellings = (target.model, f"{target.provider}/{target.model}")
    allowed = key.models_allowed
    if allowed is not None and not any(matches(name) for matches in allowed for name in spellings):
        raise _refused(key, f"{spellings[1]} is not in this key's `models_allowed`.")
    if key.judge.has_models:
        key.judge.check_models(target.provider, target.model)


def callable_models(snapshot: Snapshot, key: CompiledKey) -> Iterator[tuple[str, str]]:
    """Every model name that this key may send and the gateway knows by name, with the provider that it leads to."""
    seen: set[str] = set()
    targets = [*key.aliases.items(), *snapshot.aliases.items()]
    targets += [(model, Target(name, model)) for name, one in key.upstreams.items() for model in one.provider.models]
    for name, target in targets:
        if name not in seen and target.provider in key.upstreams and _may_call(key, target):
            seen.add(name)
            yield name, target.provider


def _first(key: CompiledKey, endpoint: Endpoint, fits: Callable[[Upstream], bool]) -> str | None:
    """The first provider of the key that fits; one that serves the endpoint goes before one that does not."""
    fitting = [name for name, upstream in key.upstreams.items() if fits(upstream)]
    serving = (name for name in fitting if key.upstreams[name].provider.serves(endpoint))
    return next(serving, fitting[0] if fitting else None)


def _refused(key: CompiledKey, reason: str) -> GatewayError:
    """The 403, with what the key can call: its allow list, or the providers that it reaches."""
    if key.models_allowed_text:
        hint = f"It may call models matching: {', '.join(key.models_allowed_text[:_LISTED_MODELS])}."
    else:
        hint = f"It reaches the providers: {', '.join(list(key.upstreams)[:_LISTED_MODELS])}."
    return GatewayError("model_not_allowed", f"{reason} {hint} GET /v1/models lists the names.", param="model")


def _may_call(key: CompiledKey, target: Target) -> bool:
    try:
        judge_model(key, target)
    except GatewayError:
        return False
    return True
