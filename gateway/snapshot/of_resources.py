"""Resources -> Snapshot: the one compile step of gateways that follow, and of a control plane before it accepts."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway import clock
from gateway.config.assemble import assemble
from gateway.config.judge import Serving
from gateway.config.resources import Resource, identities_of
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper
from gateway.providers.registry import ProviderSet
from gateway.snapshot.compile import compile_snapshot
from gateway.snapshot.holder import Rejection
from gateway.snapshot.snapshot import Revision, Snapshot
from gateway.upstream.request import NoTransport

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
    try:
        return compile_snapshot(made.config, revision, pepper, providers, identities_of(resources))
    except Exception as error:  # noqa: BLE001 - whatever a section runs into, the revision before serves on
        _log.exception("a configuration that seemed sound cannot be compiled")
        return Rejection((f"internal error: {type(error).__name__}",), clock.now())


def judged(resources: Iterable[Resource], now: datetime) -> Snapshot | Rejection:
    """The same for nobody to be served with: nothing goes out, and no secret can be presented."""
    revision, providers = Revision("judged", None), ProviderSet(NoTransport())
    return snapshot_of(resources, revision, now=now, pepper=Pepper(DEVELOPMENT_PEPPER), providers=providers)


def faults(resources: Iterable[Resource], now: datetime) -> tuple[object, ...]:
    """Why no gateway could serve these resources: diagnostics, none where every gateway can."""
    made = judged(resources, now)
    return tuple(made.diagnostics) if isinstance(made, Rejection) else ()
