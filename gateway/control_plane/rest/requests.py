"""`GET /requests` and `GET /requests/{id}`: the ledger, entry by entry, newest first."""

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection

from gateway import clock
from gateway.control_plane.errors import ApiError
from gateway.control_plane.rest.route import Route, answer, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope as TokenScope
from gateway.ledger import query
from gateway.ledger.endings import ENDINGS, Ending
from gateway.ledger.period import BadParameterError, moment_text, parse_bounds
from gateway.ledger.query import Cursor, Scope
from gateway.ledger.report import FILTERS, Parameters, read_limit, read_one, read_scope
from gateway.ledger.scope import Fate
from gateway.ledger.storable import TEXTS, stored_text
from gateway.money.nano_usd import to_usd
from gateway.storage.patience import Patience
from gateway.telemetry.decision_record import DecisionRecord
from gateway.usage import TOKENS, Usage

FATE: Final = ("status", "outcome", "error_code")
"""Parameters that say what became of requests; `status` is one of `ENDINGS`."""
PARAMETERS: Final = ("from", "to", "timezone", *FILTERS, *FATE, "trace_id", "limit", "cursor")
DEFAULT_PAGE: Final = 100
LARGEST_PAGE: Final = 1_000
PATIENCE_S: Final = 5.0

_Place = tuple[Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)], str]


def no_such_request() -> ApiError:
    """The answer about an id that the ledger does not have."""
    message = (
        "The ledger has no request of this id. Entries arrive a moment after the answer; requests without a known key "
        "are in the log and in traces only, and old ones may be pruned."
    )
    return ApiError("not_found", message, code="no_such_request")


class RequestsResource:
    """Pages of entries, and single ones."""

    scopes: ClassVar[Mapping[str, TokenScope]] = {"GET": TokenScope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page, newest first; `next_cursor` asks for the next. Raises `ApiError`, `BadParameterError`."""
        parameters = read_parameters(request, PARAMETERS)
        question = read_page(parameters, read_one(parameters, "from"), owners=owners_of(request))
        page = await self._database.read(question, patience=Patience(PATIENCE_S))
        following = None if page.following is None else written_cursor(page.following)
        before = None if page.pruned_before is None else moment_text(page.pruned_before)
        requests = [_document(entry) for entry in page.entries]
        answer(response, {"requests": requests, "next_cursor": following, "pruned_before": before})

    async def on_get_one(self, request: falcon.asgi.Request, response: falcon.asgi.Response, request_id: str) -> None:
        """One entry. Raises `ApiError` (`not_found`)."""
        read_parameters(request, ())
        scope = Scope(owners=owners_of(request))
        entry = await self._database.read(lambda connection: query.entry(connection, request_id, scope=scope))
        if entry is None:
            raise no_such_request()
        answer(response, _document(entry))


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of this noun."""
    resource = RequestsResource(services)
    return Route("/requests", resource), Route("/requests/{request_id}", resource, "one")


def read_page(
    parameters: Parameters,
    first: str | None,
    *,
    owners: tuple[str, ...] | None,
    size: int = DEFAULT_PAGE,
    largest: int = LARGEST_PAGE,
) -> Callable[[Connection], query.Page]:
    """The question for the page that parameters ask for, from `first` on, of the keys of owners perhaps.

    Raises `BadParameterError`.
    """
    zone, last = read_one(parameters, "timezone") or "UTC", read_one(parameters, "to")
    start, end = parse_bounds(first, last, now=clock.utc_now(), zone=zone)
    return partial(
        query.entries,
        limit=read_limit(parameters, size, largest),
        cursor=read_cursor(read_one(parameters, "cursor")),
        scope=read_scope(parameters, owners=owners),
        fate=read_fate(parameters),
        trace_id=read_one(parameters, "trace_id"),
        start=start,
        end=end,
    )


def _document(entry: DecisionRecord) -> dict[str, Any]:
    members = msgspec.structs.asdict(entry)
    usage: Usage = members.pop("usage") or Usage()
    del members["time"], members["identities"], members["settled_until"]
    members.update((name, "") for name in TEXTS if members.get(name, "") is None)
    return {
        **members,
        "occurred_at": moment_text(entry.occurred_at),
        "tokens": {kind.removesuffix("_tokens"): getattr(usage, kind) for kind in TOKENS},
        "further": usage.further or {},
        "warnings": entry.warnings or (),
        "cost_usd": to_usd(entry.cost_nano_usd or 0),
    }


def read_fate(parameters: Parameters) -> Fate:
    """What the requests have to have become of. Raises `BadParameterError`."""
    status, outcome, error_code = (read_one(parameters, name) for name in FATE)
    try:
        ending = None if status is None else msgspec.convert(status, Ending)
    except msgspec.ValidationError:
        raise BadParameterError("status", f"{status!r} is none of {', '.join(ENDINGS)}") from None
    return Fate(ending=ending, outcome=outcome, error_code=error_code)


def written_cursor(cursor: Cursor) -> str:
    """A place in the ledger as `cursor` takes it."""
    place = msgspec.json.encode((cursor.occurred_at, cursor.request_id))
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def read_cursor(text: str | None) -> Cursor | None:
    """The place that `cursor` names. Raises `BadParameterError`."""
    if text is None:
        return None
    try:
        place = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        occurred_at, request_id = msgspec.json.decode(place, type=_Place)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise BadParameterError("cursor", "this is no `next_cursor` of a page before") from None
    return Cursor(occurred_at, stored_text(request_id))
