"""The check that needs the walk itself: which fallbacks of a configuration can no request of a key ever reach?"""

from collections.abc import Iterator

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Finding
from gateway.config.model import Config
from gateway.config.sections.virtual_keys import FALLBACK_SUFFIX, VirtualKey
from gateway.errors import GatewayError
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper
from gateway.pipeline.resolve import judge_model, resolution
from gateway.providers.registry import ProviderSet
from gateway.shapes.endpoints import ENDPOINTS
from gateway.snapshot.compile import compile_snapshot
from gateway.snapshot.snapshot import CompiledKey, Revision, Snapshot
from gateway.upstream.request import NoTransport

_GLOB = frozenset("*?[]")
_NAMED = 5


def unreachable_fallbacks(config: Config) -> Iterator[Checked]:
    """A warning for each target behind a model name that `models_allowed` or a rule on models keeps from a key.

    Keys that say the same of models are told in one.
    """
    alike: dict[str, list[str]] = {}
    for name, key in config.virtual_keys.items():
        if key.models_allowed is not None or key.policy_rules:
            alike.setdefault(_says_of_models(key), []).append(name)
    if not alike:
        return
    snapshot = compile_snapshot(
        config, Revision("", None), Pepper(DEVELOPMENT_PEPPER, None), ProviderSet(NoTransport())
    )
    for names in alike.values():
        compiled = snapshot.key_named(names[0])
        field = "policy_rules" if compiled.models_allowed is None else "models_allowed"
        others = f"; the same of {_listed(names[1:])}" if len(names) > 1 else ""
        for target, asked in _never_asked(snapshot, compiled).items():
            behind = f"{target}, which is behind {_listed(asked)}"
            message = f"{names[0]} never falls back to {behind}: the key may not call it{others}"
            hint = f"Let `{field}` have it, or take the fallback away."
            path = ("virtual_keys", names[0], field)
            yield Checked(Finding("unreachable-fallback", message, path, hint), Severity.WARNING)


def _says_of_models(key: VirtualKey) -> str:
    return repr((key.models_allowed, key.providers, key.fallback, key.model_aliases, key.policy_rules))


def _never_asked(snapshot: Snapshot, key: CompiledKey) -> dict[str, list[str]]:
    """Targets that are behind something that the key may call and are kept from it, with the names they are behind."""
    found: dict[str, list[str]] = {}
    aliases = (
        name
        for name in (*key.aliases, *key.in_force.aliases, *key.in_force.models)
        if not name.endswith(FALLBACK_SUFFIX)
    )
    names = dict.fromkeys((*aliases, *(one for one in key.models_allowed_text if _GLOB.isdisjoint(one))))
    for asked in names:
        try:
            skipped = resolution(snapshot, key, ENDPOINTS["chat_completions"], asked).skipped
        except GatewayError:
            continue
        for target, _ in skipped:
            try:
                judge_model(key, target)
            except GatewayError:
                if target.provider in key.upstreams:
                    found.setdefault(f"{target.provider}/{target.model}", []).append(asked)
    return found


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
