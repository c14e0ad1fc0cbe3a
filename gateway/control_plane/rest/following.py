"""`/changes`: what gateways serve, as soon as there is news; `/nodes`: what they say of themselves."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection

from gateway import clock
from gateway.config.documents import NodeReport
from gateway.control_plane import key_peppers, nodes, state, tokens
from gateway.control_plane.changes import changes_since
from gateway.control_plane.errors import ApiError
from gateway.control_plane.nodes import Node
from gateway.control_plane.rest.body import read_body
from gateway.control_plane.rest.refusals import as_api_errors
from gateway.control_plane.rest.route import Route, answer, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger.period import BadParameterError, moment_text
from gateway.ledger.report import Parameters, read_one, whole_number

TOKENS_ENDING: Final = "Gateway-Tokens-Ending"
"""The response header that tells gateways how many tokens end soon, for their metrics."""
KEY_PEPPERS: Final = "Gateway-Key-Peppers"
"""The response header that tells gateways the fingerprints of the peppers under which keys were hashed."""
LONGEST_WAIT_S: Final = 60
_LARGEST: Final = 2**62


class ChangesResource:
    """The long poll of gateways. Its answer has credentials, hence a scope of its own."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.GATEWAY}
    keeps_owners_apart: ClassVar[Collection[str]] = ()

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """What is new after `since` of `lineage`; after `wait` seconds without news, or when the server ends, 204.

        `identity` is the one of the revision `since`: where that is another here, everything is new.
        """
        parameters = read_parameters(request, ("since", "lineage", "identity", "wait"))
        since, wait = _number(parameters, "since", _LARGEST), _number(parameters, "wait", LONGEST_WAIT_S)
        lineage, identity = read_one(parameters, "lineage") or "", read_one(parameters, "identity") or ""
        services = self._services
        news = services.news
        if news is not None and wait and lineage == news.lineage:
            await news.after(since, identity, wait)
            if news.is_ending:
                response.status = 204
                return
        with as_api_errors():
            found, peppers = await services.database.read(
                lambda connection: (
                    changes_since(connection, services.vault, lineage=lineage, revision=since, identity=identity),
                    key_peppers.known(connection),
                )
            )
        response.set_header(KEY_PEPPERS, ",".join(peppers))
        if found is None:
            response.status = 204
            return
        answer(response, found)


class NodesResource:
    """The gateways that follow."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW, "POST": Scope.GATEWAY}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """A gateway says what it serves."""
        read_parameters(request, ())
        said, now = await read_body(request, NodeReport, of_other_versions=True), clock.microseconds()
        revisions = said.serving_revision, said.rejected_revision or 0, said.keys_revision or 0
        if not all(0 <= number < _LARGEST for number in (*revisions, said.serving_since, said.lag_ms or 0)):
            raise ApiError("bad_request", "A number is out of range.")

        def keep(connection: Connection) -> tuple[int, tuple[str, ...]]:
            nodes.report(connection, said, now)
            return len(tokens.ending(connection, now)), key_peppers.known(connection)

        ending, peppers = await self._services.database.write(keep)
        response.set_header(TOKENS_ENDING, str(ending))
        response.set_header(KEY_PEPPERS, ",".join(peppers))
        response.status = 204

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """All of them, and the revision that they should serve; beside them, tokens that end within 14 days."""
        read_parameters(request, ())
        now, owners = clock.microseconds(), owners_of(request)
        at, found, ending = await self._services.database.read(
            lambda connection: (
                state.position(connection),
                nodes.nodes(connection, owners),
                tokens.ending(connection, now),
            )
        )
        told = [_told(node, at.revision, now) for node in found]
        ends = [
            one.warning for one in ending if owners is None or (one.owners is not None and {*one.owners} <= {*owners})
        ]
        answer(response, {"revision": at.revision, "lineage": at.lineage, "nodes": told, "tokens_ending": ends})


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of these nouns."""
    return Route("/changes", ChangesResource(services)), Route("/nodes", NodesResource(services))


def _number(parameters: Parameters, name: str, most: int) -> int:
    if (number := whole_number(read_one(parameters, name) or "0", most)) is None:
        raise BadParameterError(name, f"this is no whole number up to {most}")
    return number


def _told(node: Node, revision: int, now: int) -> dict[str, Any]:
    members = msgspec.structs.asdict(node)
    for name in ("serving_since", "first_seen", "reported_at"):
        members[name] = moment_text(members[name])
    return {**members, "state": node.state(revision, now)}
