"""What no schema can say of `models`: where each leads, and that it leads somewhere."""

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.model import Config
from gateway.config.sections.models import Model
from gateway.config.sections.providers import BaseProvider
from gateway.config.sections.virtual_keys import FALLBACK_SUFFIX
from gateway.config.source import Path
from gateway.policy.patterns import compile_glob

_NOT_FOR_CHAT: Final = (
    "text-embedding-",
    "omni-moderation-",
    "text-moderation-",
    "dall-e-",
    "gpt-image-",
    "whisper-",
    "tts-",
)
_WITHOUT_OTHER_ENDPOINTS: Final = ("anthropic", "bedrock", "vertex")


def servable(provider: BaseProvider | None, model: str, at: Path) -> Iterator[Checked]:
    """Some models answer only on endpoints that some types of provider have not."""
    type_ = getattr(provider, "type", None)
    if type_ in _WITHOUT_OTHER_ENDPOINTS and model.startswith(_NOT_FOR_CHAT):
        message = f"a provider of type {type_} has no endpoint on which {model} could answer"
        yield Checked(Finding("unservable-target", message, at, "Name a provider that serves this model."))


def model_checks(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Every finding on `models`."""
    for name, model in config.models.items():
        at = ("models", name)
        for provider, there in model.at.items():
            yield from servable(config.providers.get(provider), there, (*at, "at", provider))
        yield from _named(name, config)
        yield from _arms(model, config, at)
        for index, other in enumerate(model.fallback):
            if other == name or other in model.fallback[:index]:
                message = f"{other} is asked already when the fallback comes to it"
                yield Checked(Finding("unreachable-fallback", message, (*at, "fallback", index), "Take it out."))
    yield from _circles(config.models)


def own_models_in_lists(config: Config, _facts: Facts) -> Iterator[Checked]:
    """A list of what a key may ask for has names of `models` which lead to nothing that it allows."""
    for name, key in config.virtual_keys.items():
        globs = list(key.globs())
        for written, path in globs:
            if written not in config.models or written in config.model_aliases or written in key.model_aliases:
                continue
            targets = _targets(config.models, written)
            if not any(_allows(glob, target) for glob, _ in globs for target in targets):
                message = f"{written} is one of `models`, and the list judges what it leads to: {', '.join(targets)}"
                hint = "Write these, or a glob that matches them."
                yield Checked(
                    Finding("own-model-not-allowed", message, ("virtual_keys", name, *path), hint), Severity.WARNING
                )


def _targets(models: Mapping[str, Model], name: str) -> list[str]:
    """What a model leads to without its fallback, as `provider/model`."""
    found: list[str] = []
    waiting, seen = [name], {name}
    for one in waiting:
        model = models[one]
        found += [f"{provider}/{there}" for provider, there in model.at.items()]
        further = [] if model.at else [arm for arm in model.split if arm in models and arm not in seen]
        seen.update(further)
        waiting += further
    return found


def _allows(glob: str, target: str) -> bool:
    try:
        matches = compile_glob(glob)
    except ValueError:
        return True  # which is told by itself
    return matches(target) or matches(target.partition("/")[2])


def _named(name: str, config: Config) -> Iterator[Checked]:
    at: Path = ("models", name)
    if name.endswith(FALLBACK_SUFFIX):
        message = f"a name that ends in {FALLBACK_SUFFIX!r} continues an alias, and a model says `fallback` itself"
        yield Checked(Finding("bad-model-name", message, at, "Give it another name.", True))
    if name in config.model_aliases:
        message = f"the alias {name!r} wins over the model of that name, which no request finds"
        hint = "Take one of the two out, or rename it."
        yield Checked(Finding("alias-shadows-model", message, at, hint, True), Severity.WARNING)


def _arms(model: Model, config: Config, at: Path) -> Iterator[Checked]:
    if not model.at and not model.split:
        message = "it says neither where it is served nor between which models requests are shared"
        hint = "Write `at: {PROVIDER: MODEL}`, or `split: {MODEL: WEIGHT}`."
        yield Checked(Finding("model-leads-nowhere", message, at, hint, True))
    for arm in model.split if model.at else ():
        if arm not in model.at and arm in config.providers:
            hint = "Say under `at` what the model is called there."
            yield Checked(Finding("unknown-arm", f"`at` does not have {arm}", (*at, "split", arm), hint, True))
    for field in ("affinity", "sticky"):
        if getattr(model, field) is not None and not model.split:
            message = "nothing is shared out that it could keep together"
            yield Checked(Finding("nothing-shared", message, (*at, field), "Add `split`, or take it out.", True))
    if model.affinity is not None and model.sticky is not None:
        message = "`affinity` says already what stays together"
        yield Checked(Finding("two-affinities", message, (*at, "sticky"), "Keep one of the two.", True))


def _circles(models: Mapping[str, Model]) -> Iterator[Checked]:
    """A model whose requests come back to it; fallbacks may lead back, since none is asked twice."""
    arms = {name: [one for one in model.split if one in models] for name, model in models.items() if not model.at}
    done: set[str] = set()
    for start in arms:
        way: list[str] = []
        waiting = [iter((start,))]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
                if way:
                    done.add(way.pop())
            elif name in way:
                circle = " > ".join((*way[way.index(name) :], name))
                yield Checked(
                    Finding(
                        "model-circle", f"its requests come back to it: {circle}", ("models", way[-1], "split", name)
                    )
                )
            elif name not in done:
                way.append(name)
                waiting.append(iter(arms.get(name, ())))
