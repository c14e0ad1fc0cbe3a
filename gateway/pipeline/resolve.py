"""Which providers could answer a request, in which order: where a model name leads, by which lane, and what is behind.

What is found depends on the snapshot, the key, the endpoint and the name alone, so it is found once and remembered.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.config.sections.virtual_keys import FALLBACK_SUFFIX
from gateway.errors import GatewayError
from gateway.lanes.base import Translation
from gateway.lanes.counters import COUNTERS, COUNTS
from gateway.lanes.embeddings import EMBEDDINGS
from gateway.lanes.openai_models import needs_responses
from gateway.lanes.pairs import TRANSLATIONS
from gateway.pipeline.sharing import Traits, shared_out
from gateway.policy.patterns import is_glob
from gateway.providers.base import Provider
from gateway.providers.well_known_models import MAKERS, names_of_maker, types_serving
from gateway.shapes.declares import OF_MODELS, Declared, declared
from gateway.shapes.endpoints import CONVERSE, ENDPOINTS, INVOKE_EMBEDDINGS, PREDICT, Endpoint
from gateway.shapes.glance import glance
from gateway.snapshot.snapshot import (
    Balance,
    Branch,
    Candidate,
    CompiledKey,
    FallbackPolicy,
    Lane,
    Model,
    Resolution,
    Snapshot,
    Step,
    Target,
    Upstream,
)
from gateway.turns import paced
from gateway.wire.request_body import Glance, RequestBody

_LISTED_MODELS = 20
_LONGEST_NAME = 512
_REMEMBERED = 512
_OWN_MODEL = "models"
_RESPONSES = "responses"
_HAS_RESPONSES = ("openai", "azure")
_SERVES_ANYTHING = ("custom", "simulator")
_ALONE = FallbackPolicy(max_attempts=1)
_NAMES_NO_MODEL: set[Glance] = set()
"""What was seen of plain bodies that name no model but the one that is asked."""

_NO_HEADERS: Mapping[bytes, bytes] = {}

_CHAT = ENDPOINTS["chat_completions"]
_SPOKEN: Mapping[str, Endpoint] = {
    **ENDPOINTS,
    **{endpoint.name: endpoint for endpoint in (CONVERSE, INVOKE_EMBEDDINGS, PREDICT)},
}
_LANES: Mapping[tuple[str, str], Translation] = {**TRANSLATIONS, **EMBEDDINGS}


def named_model(endpoint: Endpoint, body: RequestBody) -> str:
    """The model that a request names, or that its API takes where none is named. Raises `bad_request`."""
    asked = body.model or endpoint.default_model
    if asked is None:
        raise GatewayError("bad_request", "The request names no model; add `model`.", param="model")
    if len(asked) > _LONGEST_NAME:
        raise GatewayError("bad_request", f"A model's name has at most {_LONGEST_NAME} characters.", param="model")
    return asked


def resolve(
    snapshot: Snapshot,
    key: CompiledKey,
    endpoint: Endpoint,
    asked: str,
    body: RequestBody,
    headers: Mapping[bytes, bytes] = _NO_HEADERS,
) -> Resolution:
    """Whom a request may ask for a model, in the order of this request, of which `headers` may say what it belongs to.

    Raises `model_not_found` for what nobody serves, and `model_not_allowed`, also for every further model that the body
    names; what of it cannot be judged is `bad_request` or `unsupported_parameter`.
    """
    found = key.resolutions.get((endpoint.name, asked))
    if found is None:
        found = resolution(snapshot, key, endpoint, asked)
        if len(key.resolutions) >= _REMEMBERED:
            key.resolutions.clear()
        key.resolutions[endpoint.name, asked] = found
    if found.branches:
        found = shared_out(found, Traits(key, endpoint.shape, body, headers))
    candidates = _balanced(found) if found.balances else found.candidates
    if key.models_allowed is not None or key.judge.has_models:
        seen = body.glance or glance(endpoint.shape, body)
        # PERF: most bodies are plain, and declare what those before them did.
        if seen not in _NAMES_NO_MODEL:
            further = tuple(declared(endpoint.shape.declares, body, OF_MODELS))
            if further:
                candidates = _serving(key, candidates, further)
            elif seen.is_plain:
                if len(_NAMES_NO_MODEL) >= _REMEMBERED:
                    _NAMES_NO_MODEL.clear()
                _NAMES_NO_MODEL.add(seen)
    if candidates is found.candidates:
        return found
    return Resolution(found.source, candidates, (), found.skipped, found.fallback, found.branches, found.shared_by)


def resolve_stored(snapshot: Snapshot, key: CompiledKey, endpoint: Endpoint, home: str | None) -> Resolution:
    """Who answers for what is kept: the provider that holds it, else the key's first one that serves the path.

    Raises `not_found` where none does.
    """
    for name, upstream in key.upstreams.items():
        provider = upstream.provider
        if home in (None, name) and provider.serves(endpoint, ""):
            prices = snapshot.prices.of(name, provider.type, "")
            return Resolution("stored", (Candidate(upstream, "", Lane(endpoint, None), prices),), (), (), _ALONE)
    whom = "No provider of this key serves" if home is None else f"The provider {home} does not serve"
    raise GatewayError("not_found", f"{whom} {endpoint.method} {endpoint.path}.")


def _serving(key: CompiledKey, candidates: tuple[Candidate, ...], further: Sequence[Declared]) -> tuple[Candidate, ...]:
    """Those of the candidates at whose providers the key may call every further model that the request names.

    Raises `model_not_allowed`, with the model's place, where there is none.
    """
    refusal: GatewayError | None = None
    serving: list[Candidate] = []
    for one in candidates:
        try:
            for model in paced(further):
                judge_model(key, Target(one.upstream.provider.name, model.value), model.path)
            serving.append(one)
        except GatewayError as error:
            refusal = refusal or error
    if refusal is not None and not serving:
        raise refusal
    return tuple(serving)


def _balanced(found: Resolution) -> tuple[Candidate, ...]:
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


def resolution(snapshot: Snapshot, key: CompiledKey, endpoint: Endpoint, asked: str) -> Resolution:
    """Where a name leads. Raises as `candidate` does, when the first is out of the key's reach."""
    steps, source, alias = find_steps(key, endpoint, asked)
    if source == _OWN_MODEL:
        return _of_model(snapshot, key, endpoint, key.in_force.models[asked])
    fallback = key.fallback or FallbackPolicy()
    candidates: list[Candidate] = []
    balances: list[Balance] = []
    skipped: list[tuple[Target, str]] = []
    for number, step in enumerate((steps[0], *_behind(key, alias, steps, fallback))):
        fitting: list[tuple[Candidate, int]] = []
        refusal: GatewayError | None = None
        for target, weight in zip(step.targets, step.weights, strict=True):
            try:
                fitting.append((candidate(snapshot, key, endpoint, asked, target), weight))
            except GatewayError as error:
                refusal = refusal or error
                skipped.append((target, error.message))
        if number == 0 and refusal is not None and not fitting:
            raise refusal
        if len(fitting) > 1:
            weights = tuple(weight for _, weight in fitting)
            balances.append(Balance(len(candidates), weights, step.least_busy))
        candidates += [one for one, _ in fitting]
    return Resolution(source, tuple(candidates), tuple(balances), tuple(skipped), fallback)


def _of_model(snapshot: Snapshot, key: CompiledKey, endpoint: Endpoint, asked: Model) -> Resolution:
    """Where one of the file's own models leads; what a key cannot reach of it is left out.

    Raises as `candidate` does, where that is all of the model itself: a fallback takes the place of what fails, not of
    what is not allowed.
    """
    models, fallback = key.in_force.models, key.fallback or FallbackPolicy()
    rank = {provider: place for place, provider in enumerate(dict.fromkeys((*fallback.chain, *key.upstreams)))}
    fitting: dict[str, dict[str, Candidate]] = {}
    skipped: list[tuple[Target, str]] = []
    refusal: GatewayError | None = None
    for model, _, is_itself in reached(models, asked):
        own = fitting[model.name] = {}
        for provider in sorted(model.at, key=lambda name: rank.get(name, len(rank))):
            target = model.at[provider]
            try:
                own[provider] = candidate(snapshot, key, endpoint, asked.name, target)
            except GatewayError as error:
                skipped.append((target, error.message))
                if is_itself:
                    refusal = refusal or error
    serving = _serving_models(models, fitting)
    if refusal is not None and asked.name not in serving:
        raise refusal
    branches: dict[str, Branch] = {}
    for model, route, _ in reached(serving, asked):
        found = {
            provider: Candidate(one.upstream, one.model, one.lane, one.prices, route)
            for provider, one in fitting[model.name].items()
        }
        branches[model.name] = Branch(
            model,
            {arm: weight for arm, weight in model.arms.items() if arm in (found if model.at else serving)},
            {arm: found[arm] for arm in model.arms if arm in found},
            tuple(one for provider, one in found.items() if provider not in model.arms),
        )
    candidates = tuple(one for branch in branches.values() for one in (*branch.sharing.values(), *branch.beside))
    return Resolution(_OWN_MODEL, candidates, (), tuple(skipped), fallback, branches)


def _serving_models(models: Mapping[str, Model], fitting: Mapping[str, Mapping[str, Candidate]]) -> Mapping[str, Model]:
    """Those of some models that a key can reach, or reaches an arm of; what the others fall back on is not asked."""
    serving = {name: models[name] for name, found in fitting.items() if found}
    waiting = [name for name in fitting if not models[name].at]
    while more := [name for name in waiting if not serving.keys().isdisjoint(models[name].arms)]:
        serving.update((name, models[name]) for name in more)
        waiting = [name for name in waiting if name not in serving]
    return serving


def reached(models: Mapping[str, Model], asked: Model) -> Iterator[tuple[Model, tuple[str, ...], bool]]:
    """A model, those between which its requests are shared out, and those behind them: each once, with its way there.

    Whether it is the model itself comes with it: a fallback is not.
    """
    ways: dict[str, tuple[str, ...]] = {asked.name: (asked.name,)}
    own: frozenset[str] = frozenset()
    for is_itself in (True, False):
        waiting = list(ways)
        for name in waiting:
            model = models[name]
            arms = () if model.at else tuple(model.arms)
            for other in arms if is_itself else (*arms, *model.fallback):
                if other in models and other not in ways:
                    ways[other] = (*ways[name], other)
                    waiting.append(other)
        if is_itself:
            own = frozenset(ways)
    for name, way in ways.items():
        yield models[name], way, name in own


def candidate(
    snapshot: Snapshot,
    key: CompiledKey,
    endpoint: Endpoint,
    asked: str,
    target: Target,
) -> Candidate:
    """A target as this key reaches it. Raises `model_not_allowed` or `model_not_found`: why it does not."""
    upstream = key.upstreams.get(target.provider)
    if upstream is None:
        raise refused(key, f"This key may not use the provider {target.provider}, where {asked!r} leads.")
    lane = lane_for(upstream.provider, endpoint, target.model)
    if lane is None:
        raise _unserved(
            key, f"{asked!r} leads to the provider {target.provider}, which does not serve {endpoint.path}."
        )
    judge_model(key, target)
    prices = snapshot.prices.of(target.provider, upstream.provider.type, target.model)
    return Candidate(upstream, target.model, lane, prices)


def lane_for(provider: Provider, endpoint: Endpoint, model: str) -> Lane | None:
    """The lane for a model at a provider; `None` when the provider cannot serve the endpoint at all."""
    if provider.serves(endpoint, model):
        return Lane(endpoint, None)
    lanes = [
        Lane(_SPOKEN[spoken], translation)
        for (asked, spoken), translation in _LANES.items()
        if asked == endpoint.name and provider.serves(_SPOKEN[spoken], model)
    ]
    if provider.type in _HAS_RESPONSES and needs_responses(model):
        lanes.sort(key=lambda lane: lane.endpoint.name != _RESPONSES)
    if lanes:
        return lanes[0]
    count = COUNTS.get(endpoint.name)
    return None if count is None else _counting(provider, count.endpoint, model)


def _counting(provider: Provider, endpoint: Endpoint, model: str) -> Lane | None:
    """How a prompt is counted: by the lane that its request would go by; OpenAI counts for chat by Responses."""
    lane = lane_for(provider, endpoint, model)
    if lane is None:
        return None
    if lane.endpoint is _CHAT and provider.type in _HAS_RESPONSES:
        lane = Lane(ENDPOINTS[_RESPONSES], TRANSLATIONS[endpoint.name, _RESPONSES])
    counters = COUNTERS.get(lane.endpoint.name, ())
    counter = next((one for one in counters if provider.serves(one.endpoint, model)), None)
    return Lane(lane.endpoint, lane.translation, counts=True, counter=counter)


def find_steps(key: CompiledKey, endpoint: Endpoint, asked: str) -> tuple[tuple[Step, ...], str, str]:
    """What the name stands for, which rule found it, and the alias that does, or the name; the first match decides.

    An alias of the key, an alias of the file, one of the file's `models`, a glob among those of the key, one of the
    file, a provider's name before the first slash, a provider's type before it, a model that a provider declares, a
    well-known name, the key's only provider. Raises `model_not_found`.
    """
    steps = key.aliases.get(asked)
    if steps is not None:
        return steps, "key_alias", asked
    steps = key.in_force.aliases.get(asked)
    if steps is not None:
        return steps, "alias", asked
    model = key.in_force.models.get(asked)
    if model is not None:
        return (Step(_leading(key, model)),), _OWN_MODEL, asked
    for globs, source in ((key.alias_globs, "key_alias_glob"), (key.in_force.alias_globs, "alias_glob")):
        for glob in globs:
            if glob.stands_for(asked):
                return glob.steps, source, glob.written
    target, source = _find_target(key, endpoint, asked)
    return (Step((target,)),), source, asked


def _leading(key: CompiledKey, asked: Model) -> tuple[Target, ...]:
    """Every target of one of the file's own models, fallback apart, that of the heaviest arm first."""
    models = key.in_force.models
    targets: list[Target] = []
    for model, _, is_itself in reached(models, asked):
        if is_itself:
            targets += [model.at[name] for name in sorted(model.at, key=lambda one: -model.arms.get(one, 0))]
    return tuple(targets)


def judge_model(key: CompiledKey, target: Target, path: str = "model") -> None:
    """Raises `model_not_allowed` when the allow list or a rule refuses a model that the body names at a path."""
    spellings = (target.model, f"{target.provider}/{target.model}")
    allowed = key.models_allowed
    if allowed is not None and not any(matches(name) for matches in allowed for name in spellings):
        raise refused(key, f"{spellings[1]} is not in this key's `models_allowed`.", path)
    if key.judge.has_models:
        key.judge.check_models(target.provider, target.model, path)


def callable_models(key: CompiledKey, listed: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Every model name that this key may send and somebody knows by name, with the provider that it leads to.

    Args:
        key: Who asks.
        listed: What providers serve, by the provider's name: what they say themselves, else the price catalogue.
    """
    seen: set[str] = set()
    aliases = (*key.aliases.items(), *key.in_force.aliases.items())
    targets = [(alias, steps[0].targets[0]) for alias, steps in aliases if not _stands_for_others(alias)]
    named = {name for name, _ in targets}
    own = [(name, model) for name, model in key.in_force.models.items() if name not in named]
    targets += [(name, target) for name, model in own for target in _leading(key, model)]
    targets += [(model, Target(name, model)) for name, one in key.upstreams.items() for model in one.provider.models]
    targets += _of_globs(key)
    targets += [
        (model if _leads_to(key, model, name) else f"{name}/{model}", Target(name, model))
        for name in key.upstreams
        for model in listed.get(name, ())
    ]
    for name, target in targets:
        if name not in seen and target.provider in key.upstreams and _may_call(key, target):
            seen.add(name)
            yield name, target.provider


def _stands_for_others(alias: str) -> bool:
    return alias.endswith(FALLBACK_SUFFIX) or is_glob(alias)


def _of_globs(key: CompiledKey) -> Iterator[tuple[str, Target]]:
    """The names of the price catalogue that globs among the aliases stand for."""
    if key.alias_globs or key.in_force.alias_globs:
        for maker in MAKERS:
            for model in names_of_maker(maker):
                steps, source, _ = find_steps(key, _CHAT, model) if _is_globbed(key, model) else ((), "", "")
                if source.endswith("alias_glob"):
                    yield model, steps[0].targets[0]


def _is_globbed(key: CompiledKey, model: str) -> bool:
    return any(glob.stands_for(model) for glob in (*key.alias_globs, *key.in_force.alias_globs))


def _leads_to(key: CompiledKey, model: str, provider: str) -> bool:
    """Whether a name without a provider leads to that one, and to the model of that name."""
    try:
        steps, source, _ = find_steps(key, _CHAT, model)
    except GatewayError:
        return False
    return source != "only_provider" and steps[0].targets[0] == Target(provider, model)


def refused(key: CompiledKey, reason: str, path: str = "model") -> GatewayError:
    """The 403 for a model that is not for this key."""
    return GatewayError("model_not_allowed", f"{reason} {_callable(key)}", param=path)


def _unserved(key: CompiledKey, reason: str) -> GatewayError:
    """The 404 for a model that nobody serves."""
    return GatewayError("model_not_found", f"{reason} {_callable(key)}", param="model")


def _callable(key: CompiledKey) -> str:
    """What the key can call: its allow list, or the providers that it reaches."""
    if key.models_allowed_text:
        hint = f"It may call models matching: {', '.join(key.models_allowed_text[:_LISTED_MODELS])}."
    else:
        hint = f"It reaches the providers: {', '.join(list(key.upstreams)[:_LISTED_MODELS])}."
    return f"{hint} GET /v1/models lists the names."


def _behind(key: CompiledKey, alias: str, steps: Sequence[Step], fallback: FallbackPolicy) -> Iterator[Step]:
    """What is asked after the first step: the chain's providers in order, each for the target that is named for it.

    A provider of the chain for which neither the alias nor its `:fallback` names a target is asked for the same model
    name, unless that name is well known to be another company's. Targets beyond the chain come last.
    """
    continued = alias + FALLBACK_SUFFIX
    named = [*steps[1:], *(key.aliases.get(continued) or key.in_force.aliases.get(continued) or ())]
    first = {target.provider for target in steps[0].targets}
    for provider in (None, *fallback.chain):
        wanted = first if provider is None else {provider}
        own = [step for step in named if wanted.issuperset(target.provider for target in step.targets)]
        yield from own
        named = [step for step in named if step not in own]
        if not own and provider is not None and provider not in first:
            model = steps[0].targets[0].model
            upstream = key.in_force.upstreams.get(provider)
            if upstream is not None and _may_know(upstream, model) and not _stands_in(named, provider):
                yield Step((Target(provider, model),))
    yield from named


def _stands_in(steps: Sequence[Step], provider: str) -> bool:
    return any(target.provider == provider for step in steps for target in step.targets)


def _may_know(upstream: Upstream, model: str) -> bool:
    provider, types = upstream.provider, types_serving(model)
    return not types or provider.type in types or provider.type in _SERVES_ANYTHING or model in provider.models


def _find_target(key: CompiledKey, endpoint: Endpoint, asked: str) -> tuple[Target, str]:
    prefix, slash, rest = asked.partition("/")
    if slash and rest:
        if prefix in key.in_force.upstreams:
            return Target(prefix, rest), "provider"
        of_type = _first(key, endpoint, rest, lambda upstream: upstream.provider.type == prefix)
        if of_type is not None:
            return Target(of_type, rest), "provider_type"
    declaring = _first(key, endpoint, asked, lambda upstream: asked in upstream.provider.models)
    if declaring is not None:
        return Target(declaring, asked), "declared"
    types = types_serving(asked)
    if types:
        serving = _first(key, endpoint, asked, lambda upstream: upstream.provider.type in types)
        if serving is not None:
            return Target(serving, asked), "well_known"
    if len(key.upstreams) == 1:
        return Target(next(iter(key.upstreams)), asked), "only_provider"
    if asked == endpoint.default_model:
        serving = next((name for name, one in key.upstreams.items() if one.provider.serves(endpoint, asked)), None)
        if serving is not None:
            return Target(serving, asked), "default_model"
    raise _unserved(key, f"No provider of this key serves {asked!r}.")


def _first(key: CompiledKey, endpoint: Endpoint, model: str, fits: Callable[[Upstream], bool]) -> str | None:
    """The first provider of the key that fits; one that speaks the endpoint goes before one that has to translate."""
    fitting = [name for name, upstream in key.upstreams.items() if fits(upstream)]
    speaking = (name for name in fitting if key.upstreams[name].provider.serves(endpoint, model))
    return next(speaking, fitting[0] if fitting else None)


def _may_call(key: CompiledKey, target: Target) -> bool:
    try:
        judge_model(key, target)
    except GatewayError:
        return False
    return True
