"""Resources -> Snapshot: the one compile step of gateways that follow, and of a control plane before it accepts."""

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

import msgspec

from gateway import clock
from gateway.config.assemble import Assembled, assemble
from gateway.config.diagnostics import Diagnostic
from gateway.config.documents import ResourceDocument
from gateway.config.findings import Finding
from gateway.config.judge import Serving
from gateway.config.model import Config
from gateway.config.ownership import Ownership
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

AnyResource = TypeVar("AnyResource", Resource, ResourceDocument)

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
    return _compiled(made.config, made.ownership, resources, revision, pepper, providers)


def _compiled(
    config: Config,
    ownership: Ownership,
    resources: Iterable[Resource],
    revision: Revision,
    pepper: Pepper,
    providers: ProviderSet,
) -> Snapshot | Rejection:
    try:
        return compile_snapshot(config, revision, pepper, providers, identities_of(resources), ownership)
    except Exception as error:  # noqa: BLE001 - whatever a section runs into, the revision before serves on
        _log.exception("a configuration that seemed sound cannot be compiled")
        return Rejection((f"internal error: {type(error).__name__}",), clock.now())


class Verdict(NamedTuple):
    """What every gateway would say of a configuration: why it could not serve it, and which models have no price."""

    faults: tuple[object, ...]
    unpriced: tuple[Finding, ...] = ()


def verdict(
    resources: Iterable[Resource],
    now: datetime,
    *,
    looks_for_prices: bool,
    owners: Collection[str] | None = None,
) -> Verdict:
    """Diagnostics, none where every gateway can serve these resources; and then a finding for each model, if wanted.

    With `owners`, diagnostics as they are told to those who are bound to them: of what others have, whose it is and of
    which kind.
    """
    resources = list(resources)
    made = assemble(resources, now=now)
    if made.config is None:
        return Verdict(_told_to(owners, made, resources))
    pepper, providers = Pepper(DEVELOPMENT_PEPPER), ProviderSet(NoTransport())
    compiled = _compiled(made.config, made.ownership, resources, _NOBODY, pepper, providers)
    if isinstance(compiled, Rejection):
        return Verdict(tuple(compiled.diagnostics))
    told = made.config
    if owners is not None:
        own = {one.name for one in resources if one.kind == "budgets" and one.owner in owners}
        told = told.model_copy(update={"budgets": {name: one for name, one in told.budgets.items() if name in own}})
    unpriced = unpriced_models(told, now) if looks_for_prices else ()
    return Verdict((), tuple(one.finding for one in unpriced))


def judged(resources: Iterable[Resource], now: datetime) -> Snapshot | Rejection:
    """The same for nobody to be served with: nothing goes out, and no secret can be presented."""
    providers = ProviderSet(NoTransport())
    return snapshot_of(resources, _NOBODY, now=now, pepper=Pepper(DEVELOPMENT_PEPPER), providers=providers)


def faults(resources: Iterable[Resource], now: datetime, owners: Collection[str] | None = None) -> tuple[object, ...]:
    """Why no gateway could serve these resources: diagnostics, none where every gateway can; as `verdict` has them."""
    return verdict(resources, now, looks_for_prices=False, owners=owners).faults


def _told_to(owners: Collection[str] | None, made: Assembled, resources: Iterable[Resource]) -> tuple[object, ...]:
    found = [one for one in made.diagnostics if one.is_error]
    if owners is None:
        return tuple(found)
    places = by_place(resources)
    told = (
        _for_owners(one, at_fault(one, places), owners, is_of_theirs=made.named.get(one) in owners) for one in found
    )
    return tuple(dict.fromkeys(told))


def by_place(resources: Iterable[AnyResource]) -> dict[str, AnyResource]:
    """Resources by what diagnostics call the place of each."""
    return {one.name if one.kind == "settings" else f"{one.kind}.{one.name}": one for one in resources}


def at_fault(fault: Diagnostic, places: Mapping[str, AnyResource]) -> AnyResource | None:
    """What a diagnostic is about, of what is `by_place`; a member may follow the name of a setting."""
    place = fault.file or ""
    return places.get(place) or places.get(place.partition(".")[0])


def _for_owners(fault: Diagnostic, at: Resource | None, owners: Collection[str], *, is_of_theirs: bool) -> Diagnostic:
    """With `is_of_theirs` somebody names what these owners have."""
    if fault.code == "duplicate-secret":
        return msgspec.structs.replace(fault, message="another key has this secret")
    if at is None or at.owner in owners:
        return fault
    if is_of_theirs:
        return msgspec.structs.replace(fault, file=None, pointer="")
    what = (at.name if at.kind == "settings" else at.kind).replace("_", " ")
    message = f"of the {what} of {at.owner} one would be at fault, which hangs on this"
    return Diagnostic(code=fault.code, message=message)
