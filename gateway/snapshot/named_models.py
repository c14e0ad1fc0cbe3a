"""Every model that a configuration names, and where: what has to have a price, and what a lock of prices holds."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gateway.config.model import Config
from gateway.config.sections.providers import AzureProvider
from gateway.config.sections.virtual_keys import FALLBACK_SUFFIX, AliasTargets, Balanced
from gateway.config.source import Path
from gateway.providers.well_known_models import types_serving

_GLOB: Final = frozenset("*?[]")
_SERVES_ANYTHING: Final = ("custom", "simulator")

Aliases = Mapping[str, AliasTargets]


def named_models(config: Config) -> dict[str, Path]:
    """Each as `provider/model`, in alphabetical order, with the first place that names it.

    Named are the targets of aliases and what chains make of them, the models and deployments of providers, what keys
    are allowed to ask for by a full name, and what has a price.
    """
    found: dict[str, Path] = {}
    for target, path in _named(config):
        provider, slash, model = target.partition("/")
        if slash and model and provider in config.providers:
            found.setdefault(target, path)
    return dict(sorted(found.items()))


def _named(config: Config) -> Iterator[tuple[str, Path]]:
    yield from _of_aliases(config.model_aliases, ("model_aliases",))
    for name, model in config.models.items():
        yield from ((f"{provider}/{there}", ("models", name, "at", provider)) for provider, there in model.at.items())
    for name, provider in config.providers.items():
        at: Path = ("providers", name)
        yield from ((f"{name}/{model}", (*at, "models", place)) for place, model in enumerate(provider.models))
        if isinstance(provider, AzureProvider):
            yield from ((f"{name}/{model}", (*at, "deployments", model)) for model in provider.deployments)
    chains: set[tuple[str, ...]] = set()
    if config.fallback is not None:
        chains.add(tuple(config.fallback.chain))
        yield from _of_chain(config, config.model_aliases, config.fallback.chain, ("fallback", "chain"))
    for name, key in config.virtual_keys.items():
        at = ("virtual_keys", name)
        yield from _of_aliases(key.model_aliases, (*at, "model_aliases"))
        for glob, path in key.globs():
            if _GLOB.isdisjoint(glob):
                yield glob, (*at, *path)
        chain = tuple(() if key.fallback is None else key.fallback.chain)
        if chain and chain not in chains:
            chains.add(chain)
            yield from _of_chain(config, config.model_aliases, chain, (*at, "fallback", "chain"))
        if key.model_aliases:
            inherited = () if config.fallback is None else config.fallback.chain
            at_chain = (*at, "fallback", "chain") if chain else ("fallback", "chain")
            yield from _of_chain(config, key.model_aliases, chain or inherited, at_chain)
    yield from ((target, ("prices", target)) for target in config.prices)


def _of_aliases(aliases: Aliases, at: Path) -> Iterator[tuple[str, Path]]:
    for alias, written in aliases.items():
        for place, targets in enumerate(_steps(written)):
            path = (*at, alias, place) if isinstance(written, list) else (*at, alias)
            yield from ((target, path) for target in targets)


def _of_chain(config: Config, aliases: Aliases, chain: Iterable[str], at: Path) -> Iterator[tuple[str, Path]]:
    """What a chain asks its providers for where no alias says it: the model of the first target, by the same name."""
    for alias, written in aliases.items():
        if alias.endswith(FALLBACK_SUFFIX):
            continue
        steps = _steps(written)
        behind = aliases.get(alias + FALLBACK_SUFFIX)
        named = {
            target.partition("/")[0] for targets in (*steps, *(_steps(behind) if behind else ())) for target in targets
        }
        model = steps[0][0].partition("/")[2]
        for place, provider in enumerate(chain):
            if provider not in named and _may_know(config, provider, model):
                yield f"{provider}/{model}", (*at, place)


def _may_know(config: Config, provider: str, model: str) -> bool:
    section, types = config.providers.get(provider), types_serving(model)
    return section is not None and (
        not types or section.type in types or section.type in _SERVES_ANYTHING or model in section.models
    )


def _steps(written: AliasTargets) -> list[list[str]]:
    return [
        [f"{provider}/{one.model}" for provider in one.balance] if isinstance(one, Balanced) else [one]
        for one in (written if isinstance(written, list) else [written])
    ]
