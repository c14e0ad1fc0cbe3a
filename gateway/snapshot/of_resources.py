"""Resources -> Snapshot: the one compile step of gateways that follow, and of a control plane before it accepts."""

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import msgspec

from gateway import clock
from gateway.config.assemble import assemble
from gateway.config.diagnostics import Diagnostic
from gateway.config.judge import Serving
from gateway.config.resources import Resource
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
    made = assemble(resources, now=now, environ=environ, serving=serving)
    if made.config is None:
        return Rejection([one for one in made.diagnostics if one.is_error], clock.now())
    try:
        return compile_snapshot(made.config, revision, pepper, providers, made.ownership)
    except Exception as error:  # noqa: BLE001 - whatever a section runs into, the revision before serves on
        _log.exception("a configuration that seemed sound cannot be compiled")
        return Rejection((f"internal error: {type(error).__name__}",), clock.now())


def judged(resources: Iterable[Resource], now: datetime) -> Snapshot | Rejection:
    """The same for nobody to be served with: nothing goes out, and no secret can be presented."""
    revision, providers = Revision("judged", None), ProviderSet(NoTransport())
    return snapshot_of(resources, revision, now=now, pepper=Pepper(DEVELOPMENT_PEPPER), providers=providers)


def faults(resources: Iterable[Resource], now: datetime, owners: Collection[str] | None = None) -> tuple[object, ...]:
    """Why no gateway could serve these resources: diagnostics, none where every gateway can.

    With `owners`, as it is told to those who are bound to them: of what others have, whose it is and of which kind.
    """
    found = [*resources]
    made = judged(found, now)
    diagnostics = tuple(made.diagnostics) if isinstance(made, Rejection) else ()
    if owners is None or not diagnostics:
        return diagnostics
    whose = {one.name if one.kind == "settings" else one.address: one.owner for one in found}
    return tuple(dict.fromkeys(_for_owners(one, whose, owners) for one in diagnostics))


def _for_owners(fault: object, whose: Mapping[str, str], owners: Collection[str]) -> object:
    if not isinstance(fault, Diagnostic):
        return fault
    if fault.code == "duplicate-secret":
        return msgspec.structs.replace(fault, message="another key has this secret")
    place = fault.file or ""
    owner = whose.get(place, whose.get(place.partition(".")[0]))
    if owner is None or owner in owners:
        return fault
    if fault.code == "not-shared" and any(f"belongs to {mine} " in fault.message for mine in owners):
        return msgspec.structs.replace(fault, file=None, pointer="")
    what = place.partition(".")[0].replace("_", " ")
    return Diagnostic(code=fault.code, message=f"of the {what} of {owner} one would be at fault, which hangs on this")
