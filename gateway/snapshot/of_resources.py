"""Resources -> Snapshot: the one compile step of gateways that follow, and of a control plane before it accepts."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from gateway import clock
from gateway.config.assemble import assemble
from gateway.config.findings import Finding
from gateway.config.judge import Serving
from gateway.config.model import Config
from gateway.config.resources import Resource, identities_of
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper
from gateway.providers.registry import ProviderSet
from gateway.snapshot.compile import compile_snapshot
from gateway.snapshot.holder import Rejection
from gateway.snapshot.snapshot import Revision, Snapshot
from gateway.snapshot.unpriced_models import unpriced_models
from gateway.upstream.request import NoTransport

_NOBODY: Final = Revision("judged", None)
"""The revision of what is only judged."""

_log = logging.getLogger(__name__)


def snapshot_of(
    resources: Iterable[Resource],
    revision: Revision,
    *,
    now: datetime,
    pepper: Pepper,
    providers: ProviderSet,
    environ: Mapping[str, str] | None = None,
    serving: Serving | None = None,
) -> Snapshot | Rejection:
    """The snapshot that resources make, or everything that keeps it from being served.

    Without `environ` and `serving` it is what every gateway would say, whatever is particular to a node.
    """
    resources = list(resources)
    made = assemble(resources, now=now, environ=environ, serving=serving)
    if made.config is None:
        return Rejection([one for one in made.diagnostics if one.is_error], clock.now())
    return _compiled(made.config, resources, revision, pepper, providers)


def _compiled(
    config: Config, resources: Iterable[Resource], revision: Revision, pepper: Pepper, providers: ProviderSet
) -> Snapshot | Rejection:
    try:
        return compile_snapshot(config, revision, pepper, providers, identities_of(resources))
    except Exception as error:  # noqa: BLE001 - whatever a section runs into, the revision before serves on
        _log.exception("a configuration that seemed sound cannot be compiled")
        return Rejection((f"internal error: {type(error).__name__}",), clock.now())


class Verdict(NamedTuple):
    """What every gateway would say of a configuration: why it could not serve it, and which models have no price."""

    faults: tuple[object, ...]
    unpriced: tuple[Finding, ...] = ()


def verdict(resources: Iterable[Resource], now: datetime, *, looks_for_prices: bool) -> Verdict:
    """Diagnostics, none where every gateway can serve these resources; and then a finding for each model, if wanted."""
    resources = list(resources)
    made = assemble(resources, now=now)
    if made.config is None:
        return Verdict(tuple(one for one in made.diagnostics if one.is_error))
    compiled = _compiled(made.config, resources, _NOBODY, Pepper(DEVELOPMENT_PEPPER), ProviderSet(NoTransport()))
    if isinstance(compiled, Rejection):
        return Verdict(tuple(compiled.diagnostics))
    unpriced = unpriced_models(made.config, now) if looks_for_prices else ()
    return Verdict((), tuple(one.finding for one in unpriced))


def judged(resources: Iterable[Resource], now: datetime) -> Snapshot | Rejection:
    """The same for nobody to be served with: nothing goes out, and no secret can be presented."""
    providers = ProviderSet(NoTransport())
    return snapshot_of(resources, _NOBODY, now=now, pepper=Pepper(DEVELOPMENT_PEPPER), providers=providers)


def faults(resources: Iterable[Resource], now: datetime) -> tuple[object, ...]:
    """Why no gateway could serve these resources: diagnostics, none where every gateway can."""
    made = judged(resources, now)
    return tuple(made.diagnostics) if isinstance(made, Rejection) else ()
