"""What a file may say and this build does not enforce yet.

`serve` refuses it, since a rule that is silently not enforced is worse than none. A feature that arrives takes its row
away.
"""

from collections.abc import Callable, Iterator

from gateway.config.checks import FALLBACK_SUFFIX, Checked
from gateway.config.diagnostics import Severity
from gateway.config.model import Config
from gateway.config.source import Path
from gateway.config.validate import Finding

_UNSERVED_TYPES = ("bedrock", "gemini", "vertex")


def unenforced(config: Config, *, workers: int, development_pepper: bool) -> Iterator[Checked]:
    """Findings that keep a process with so many workers from serving the configuration."""
    for find in _ROWS:
        for path, message, hint in find(config):
            yield Checked(Finding("not-enforced", message, path, hint, True))
    if workers > 1:
        for path in _rate_limits(config):
            message = f"rate limits are counted in one process, and there are {workers} workers"
            yield Checked(Finding("not-enforced", message, path, "Serve with --workers 1.", True))
    if development_pepper:
        for name, key in config.virtual_keys.items():
            if key.environment == "live":
                message = f"{name} is a live key, and there is no pepper but the built-in one for development"
                hint = "Set GATEWAY_KEY_PEPPER and hash the key under it, or make it a key of environment `test`."
                yield Checked(Finding("development-pepper", message, ("virtual_keys", name), hint, True))
    for target in config.prices:
        message = "prices are checked; this version does not compute costs yet"
        yield Checked(Finding("not-enforced", message, ("prices", target), None, True), Severity.WARNING)


Row = tuple[Path, str, str]


def _budgets(config: Config) -> Iterator[Row]:
    for name in config.budgets:
        yield ("budgets", name), f"the budget {name} would not be enforced by this version", "Take it out to serve."


def _fallbacks(config: Config) -> Iterator[Row]:
    hint = "Take it out to serve."
    if config.fallback is not None:
        yield ("fallback",), "this version does not fall back yet", hint
    for name, key in config.virtual_keys.items():
        if key.fallback is not None:
            yield ("virtual_keys", name, "fallback"), "this version does not fall back yet", hint


def _alias_chains(config: Config) -> Iterator[Row]:
    tables: list[tuple[Path, dict[str, str | list[str]]]] = [(("model_aliases",), config.model_aliases)]
    tables += [
        (("virtual_keys", name, "model_aliases"), key.model_aliases) for name, key in config.virtual_keys.items()
    ]
    for at, aliases in tables:
        for alias, written in aliases.items():
            if alias.endswith(FALLBACK_SUFFIX) or (isinstance(written, list) and len(written) > 1):
                yield (*at, alias), "this version does not fall back yet", "Name one target to serve."


def _cache_modes(config: Config) -> Iterator[Row]:
    for name, key in config.virtual_keys.items():
        if key.cache.mode != "respect":
            path = ("virtual_keys", name, "cache")
            yield (
                path,
                f"the cache mode {key.cache.mode} would not be enforced by this version",
                "Use `respect` to serve.",
            )


def _provider_types(config: Config) -> Iterator[Row]:
    for name, provider in config.providers.items():
        if provider.type in _UNSERVED_TYPES:
            message = f"this version cannot call providers of type {provider.type} yet"
            yield ("providers", name), message, "Take the provider out to serve."


def _rate_limits(config: Config) -> Iterator[Path]:
    for name, provider in config.providers.items():
        if provider.rate_limits is not None:
            yield ("providers", name, "rate_limits")
    for name, key in config.virtual_keys.items():
        if key.rate_limits is not None:
            yield ("virtual_keys", name, "rate_limits")


_ROWS: tuple[Callable[[Config], Iterator[Row]], ...] = (
    _budgets,
    _fallbacks,
    _alias_chains,
    _cache_modes,
    _provider_types,
)
