"""What happens in the life of a key, confirmed; each is the verb of REST, in its transaction, with its audit row.

A form carries a random value, which counts as its `Idempotency-Key`: sent twice, it acts once.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection

from gateway import clock
from gateway.control_plane import key_life
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.edit import Edit
from gateway.control_plane.errors import ApiError
from gateway.control_plane.repeats import Asked, Told, once
from gateway.control_plane.rest.change import told_of
from gateway.control_plane.rest.refusals import as_api_errors
from gateway.control_plane.rest.route import actor_of, owner_of_bound, owners_of, read_parameters
from gateway.control_plane.rest.virtual_keys import VERBS, VerbBody
from gateway.control_plane.tokens import Scope
from gateway.ledger.report import whole_number
from gateway.plan.live import LiveResource
from gateway.secret import Secret


class Verb(msgspec.Struct, frozen=True):
    """How a page speaks of a verb: on the button, in the question, and what comes of it."""

    label: str
    question: str
    consequence: str
    states: tuple[str, ...]
    is_final: bool = False


WORDS: Final[Mapping[str, Verb]] = {
    "rotate": Verb(
        "Rotate",
        "Give this key a new secret?",
        "The new secret is shown once. The old one works on for as long as you say.",
        ("active", "in rotation", "disabled", "expired"),
    ),
    "disable": Verb(
        "Disable",
        "Disable this key?",
        "Every request with it is refused within seconds, until it is enabled.",
        ("active", "in rotation", "expired"),
    ),
    "enable": Verb("Enable", "Enable this key?", "Requests with it pass again within seconds.", ("disabled",)),
    "revoke": Verb(
        "Revoke",
        "Revoke this key for good?",
        "Every request with it is refused within seconds. This is final.",
        ("active", "in rotation", "disabled", "expired"),
        is_final=True,
    ),
}
GRACES: Final = (("86400", "24 hours"), ("3600", "1 hour"), ("604800", "7 days"), ("0", "not at all"))

_RANDOM_BYTES: Final = 24


class Done(msgspec.Struct, frozen=True):
    """What came of a form: a secret only where this very request made one."""

    secret: str | None
    is_repeat: bool


class KeyActionPage(Page):
    """`/console/keys/NAME/VERB`: asks, and acts."""

    place = "keys"
    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.APPLY, "POST": Scope.APPLY}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET", "POST")

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str, verb: str) -> None:
        """The question, for browsers that do not run the script which asks it in a dialog."""
        read_parameters(request, ())
        words = _words(verb)
        if await self.resource("virtual_keys", name, owners_of(request)) is None:
            raise no_such_key(name)
        self.show(
            request, response, "key_action.html", name=name, verb=verb, words=words, nonce=_nonce(), graces=GRACES
        )

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str, verb: str) -> None:
        """Does it, and shows a new secret, this once."""
        words, form = _words(verb), request.context.form
        body, services = VerbBody(grace_s=_grace(form)), self.services
        how = Edit(actor_of(request), clock.microseconds())

        def make(connection: Connection) -> tuple[LiveResource, Secret | None]:
            return VERBS[verb](connection, services, name, how, body)

        done = await _carry_out(self, request, (name, verb, body), make)
        self.show(request, response, "key_done.html", name=name, verb=verb, words=words, done=done)


class NewKeyPage(Page):
    """`/console/new-key`: makes a key with the few fields that most keys need."""

    place = "keys"
    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.APPLY, "POST": Scope.APPLY}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET", "POST")

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The form."""
        read_parameters(request, ())
        self._show_form(request, response, {}, "")

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Makes the key, or shows the form again with what is wrong."""
        form, services = request.context.form, self.services
        name, spec = form.get("name", "").strip(), _spec(form)
        how, owners = Edit(actor_of(request), clock.microseconds()), owners_of(request)

        def make(connection: Connection) -> tuple[LiveResource, Secret | None]:
            return key_life.mint_key(
                connection, services.vault, name, how, mint=services.mint, written=spec, owner=owner_of_bound(owners)
            )

        try:
            done = await _carry_out(self, request, (name, spec), make)
        except ApiError as error:
            response.status = error.status
            self._show_form(request, response, form, error.message)
            return
        words = Verb("Make", "", "", ())
        self.show(request, response, "key_done.html", name=name, verb="make", words=words, done=done)

    def _show_form(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, form: Mapping[str, str], problem: str
    ) -> None:
        made = self.services.mint.environments
        self.show(request, response, "new_key.html", form=form, problem=problem, nonce=_nonce(), environments=made)


def verbs_for(life: str) -> dict[str, Verb]:
    """What can be done with a key in a state of its life."""
    return {verb: words for verb, words in WORDS.items() if life in words.states}


def no_such_key(name: str) -> ApiError:
    """The answer about a key that is not there."""
    return ApiError("not_found", f"There is no virtual key {name!r}."[:300])


def nonces() -> dict[str, str]:
    """A random value for the form of each verb."""
    return {verb: _nonce() for verb in WORDS}


async def _carry_out(
    page: Page, request: falcon.asgi.Request, asked: object, make: Callable[[Connection], tuple[Any, Secret | None]]
) -> Done:
    """Acts once for each form. Raises `ApiError`."""
    made: list[Secret | None] = []

    def change(connection: Connection) -> Told:
        found, secret = make(connection)
        made.append(secret)
        return told_of({"name": found.resource.name, "revision": found.revision}, found.revision)

    services, question = page.services, _asked(request, asked)
    with as_api_errors():
        await services.database.write(lambda connection: once(connection, services.vault, question, change))
    return Done(secret=made[0].reveal() if made and made[0] is not None else None, is_repeat=not made)


def _asked(request: falcon.asgi.Request, asked: object) -> Asked:
    nonce = request.context.form.get("nonce", "")
    if not nonce:
        raise ApiError("bad_request", "The form is not whole. Open the page anew and try again.")
    digest = hashlib.sha256(msgspec.json.encode((request.path, asked))).hexdigest()
    return Asked(request.context.token.id, f"console:{nonce}"[:255], digest, clock.microseconds())


def _words(verb: str) -> Verb:
    words = WORDS.get(verb)
    if words is None:
        raise ApiError("not_found", f"A key can be told to {', '.join(WORDS)}.")
    return words


def _grace(form: Mapping[str, str]) -> int:
    seconds = whole_number(form.get("grace_s", str(key_life.DEFAULT_GRACE_S)), key_life.MOST_GRACE_S)
    if seconds is None:
        raise ApiError("bad_request", "How long the old secret works is a whole number of seconds.")
    return seconds


def _spec(form: Mapping[str, str]) -> dict[str, Any]:
    fields = ("environment", "project", "principal", "team", "expires_at")
    spec: dict[str, Any] = {name: text for name in fields if (text := form.get(name, "").strip())}
    models = [one.strip() for one in form.get("models_allowed", "").split(",") if one.strip()]
    return {**spec, "models_allowed": models} if models else spec


def _nonce() -> str:
    return secrets.token_urlsafe(_RANDOM_BYTES)
