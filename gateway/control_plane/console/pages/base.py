"""What pages share."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ClassVar, Final, TypeVar

import falcon.asgi
from sqlalchemy import Connection

from gateway.control_plane import state
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.rest.refusals import as_api_errors
from gateway.control_plane.tokens import Scope
from gateway.plan.live import LiveResource
from gateway.storage.patience import Patience

PATIENCE_S: Final = 10.0
"""How long one question to the database may take."""

Answer = TypeVar("Answer")
Routes = Callable[[Console], Iterable[tuple[str, "Page"]]]
"""What the module of a page gives to the app: paths, and who answers them."""


class Page:
    """A Falcon resource. `scopes` names every method that it takes and the scope which that wants.

    `keeps_owners_apart` names the methods that show and touch what is the session's owners' alone, where it has any.
    """

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ()
    is_public: ClassVar = False
    place: ClassVar = ""
    """Where in the menu it is."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.services = console.services

    async def ask(self, question: Callable[[Connection], Answer]) -> Answer:
        """What a function of a connection finds out, before somebody at a screen gives up. Raises `ApiError`."""
        return await self.services.database.read(question, patience=Patience(PATIENCE_S))

    async def resource(self, kind: str, name: str, owners: Collection[str] | None) -> LiveResource | None:
        """What was applied under a name, by owners perhaps, if anything was. Raises `ApiError`."""
        vault = self.services.vault
        with as_api_errors():
            return await self.ask(lambda connection: state.read_one(connection, vault, (kind, name), owners=owners))

    def show(self, request: falcon.asgi.Request, response: falcon.asgi.Response, template: str, **content: Any) -> None:
        """Answers with a page."""
        self.console.renderer.render(request, response, template, place=self.place, **content)
