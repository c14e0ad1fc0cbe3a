"""What a file may say and this build does not enforce yet.

`serve` refuses it, since a rule that is silently not enforced is worse than none. A feature that arrives takes its row
away.
"""

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec

from gateway.config.findings import Checked, Finding
from gateway.config.model import Config
from gateway.config.packed_keys import key_secrets
from gateway.config.source import Path

_NEEDS = {"azure": ("azure.identity", "azure"), "bedrock": ("botocore", "bedrock"), "vertex": ("google.auth", "vertex")}


def unenforced_file(config: Config, *, workers: int) -> Iterator[Checked]:
    """Findings beside the keys that keep the configuration from being served by so many workers that count apart."""
    yield from _refused(_FILE_ROWS, config)
    if workers > 1:
        yield from _uncounted("rate limits", _provider_limits(config), workers)
        yield from _uncounted("rate limits", (("limits", name) for name in config.limits), workers)
        yield from _uncounted("budgets", (("budgets", name) for name in config.budgets), workers)


def unenforced_keys(config: Config, *, workers: int, development_pepper: bool) -> Iterator[Checked]:
    """The same of the keys."""
    if workers > 1:
        yield from _uncounted("rate limits", _key_limits(config), workers)
    for name in _without_secret(config):
        message = f"the key {name} has no secret_hash, so nobody could present it"
        hint = "Make one: gateway keys mint NAME --write FILE. Only a control plane mints secrets by itself, at apply."
        yield Checked(Finding("key-without-secret", message, ("virtual_keys", name), hint, True))
    if development_pepper:
        for name, key in config.virtual_keys.items():
            if key.environment == "live":
                message = f"{name} is a live key, and there is no pepper but the built-in one for development"
                hint = "Set GATEWAY_KEY_PEPPER and hash the key under it, or make it a key of environment `test`."
                yield Checked(Finding("development-pepper", message, ("virtual_keys", name), hint, True))


Row = tuple[Path, str, str]


def _refused(rows: tuple[Callable[[Config], Iterator[Row]], ...], config: Config) -> Iterator[Checked]:
    for find in rows:
        for path, message, hint in find(config):
            yield Checked(Finding("not-enforced", message, path, hint, True))


def _uncounted(what: str, paths: Iterable[Path], workers: int) -> Iterator[Checked]:
    message = f"{what} are counted in the memory of one process, and there are {workers} workers"
    hint = "Set GATEWAY_REDIS_URL, where workers count together, or serve with --workers 1."
    for path in paths:
        yield Checked(Finding("not-enforced", message, path, hint, True))


def _without_secret(config: Config) -> Iterator[str]:
    return (key.name for key in key_secrets(config.virtual_keys) if key.secret_hash is None)


def _missing_extras(config: Config) -> Iterator[Row]:
    for name, provider in config.providers.items():
        needed = _NEEDS.get(provider.type)
        if needed is None or getattr(provider, "api_key", None) is not None:
            continue
        package, extra = needed
        if not _is_installed(package):
            message = f"the credentials of {name} need a package that is not installed"
            yield ("providers", name), message, f"Install it: pip install 'declarative-llm-gateway[{extra}]'."


def _missing_grpc(config: Config) -> Iterator[Row]:
    for name, collector in config.trace_collectors.items():
        if collector.protocol == "grpc" and not _is_installed("opentelemetry.exporter.otlp.proto.grpc"):
            message = f"the collector {name} is spoken to over gRPC, which needs a package that is not installed"
            hint = "Install it: pip install 'declarative-llm-gateway[otlp-grpc]', or use protocol: http/protobuf."
            yield ("trace_collectors", name), message, hint


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _provider_limits(config: Config) -> Iterator[Path]:
    for name, provider in config.providers.items():
        if provider.rate_limits is not None:
            yield ("providers", name, "rate_limits")


def _key_limits(config: Config) -> Iterator[Path]:
    for name, key in config.virtual_keys.items():
        if key.rate_limits is not None:
            yield ("virtual_keys", name, "rate_limits")


_FILE_ROWS = (_missing_extras, _missing_grpc)
