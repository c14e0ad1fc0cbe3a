"""Which control plane a command talks to: one over HTTP, or a database on this machine. Both answer alike."""

import getpass
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import typer

from gateway import ids
from gateway.cli.database import database, failed, repeated
from gateway.cli.process_settings import read_settings

if TYPE_CHECKING:
    import httpx
    from sqlalchemy import Connection, Engine

    from gateway.config.documents import PlanRequest
    from gateway.control_plane.encryption import Vault
    from gateway.plan.guards import Allowed
    from gateway.plan.saved import SavedPlan

STALE, GUARD, LOCKED, UNKNOWN = 3, 4, 5, 6
"""Exit codes of an apply that was refused, or whose outcome nobody knows."""

_CODES: Final = {"stale_plan": STALE, "guard": GUARD, "locked": LOCKED}
_TIMEOUT_S: Final = 120.0
_PAUSES_S: Final = (0.5, 1.5, 3.0)
"""How long an apply waits before it asks again for an answer that was lost."""
_PREFIX: Final = "/api/gateway/v1"


class RefusedError(Exception):
    """The control plane refused, or cannot be asked; `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class _LostError(RefusedError):
    """The answer was lost, so nobody knows what was done."""


Send = Callable[..., Any]
"""Sends a request: method, path, and `content`, `headers`, `params` by name; returns an `httpx.Response`."""


class Applied(msgspec.Struct, frozen=True):
    """What an apply did; `minted` are secrets by the name of their key."""

    revision: int
    already: bool
    minted: dict[str, str]


def is_named(url: str | None, written_database: str | None) -> bool:
    """Whether flags or settings name a control plane."""
    return written_database is not None or is_over_http(url, written_database)


def is_over_http(url: str | None, written_database: str | None) -> bool:
    """Whether a control plane is asked over its URL, by flags or settings, and not in a database."""
    return url is not None or (written_database is None and read_settings().control_plane_url is not None)


def as_flags(url: str | None, written_database: str | None) -> tuple[str, ...]:
    """The flags with which a next command talks to the same control plane; settings name it to that one too."""
    if written_database is not None:
        return ("--database", repeated(written_database))
    return () if url is None else ("--control-plane", url)


@contextmanager
def target(
    url: str | None, written_database: str | None, token: str | None, *, only_looks: bool = False
) -> "Iterator[Target]":
    """The control plane that flags and settings name; what it refuses ends the command with one line.

    With `only_looks` the database, where one is named, need not be there, and no file is made.
    """
    settings = read_settings()
    url = url or (settings.control_plane_url if written_database is None else None)
    if url is not None and written_database is not None:
        raise failed("a control plane is asked over its URL or in its database: give --control-plane or --database")
    if url is None and written_database is None:
        raise failed("name the control plane: --control-plane URL, or --database URL for one on this machine")
    try:
        if url is not None:
            configured = settings.control_plane_token
            secret = token or (configured.get_secret_value() if configured is not None else None)
            yield from _over_http(url, secret)
        else:
            with database(written_database, upgrades_own=not only_looks, may_be_missing=only_looks) as engine:
                yield _Database(engine, only_looks=only_looks)
    except RefusedError as error:
        failed(str(error))
        raise typer.Exit(error.code) from None


def ask_ledger(
    where: tuple[str | None, str | None, str | None],
    path: str,
    parameters: Mapping[str, Sequence[str]],
    read: "Callable[[Connection], Any]",
) -> Any:
    """What a control plane that is named answers at a path; else the same, read from the database.

    Args:
        where: The flags `--control-plane`, `--database` and `--token`.
        path: Below the prefix of the API.
        parameters: Of the query.
        read: Asks the database for the very document.
    """
    url, written_database, _ = where
    if is_over_http(url, written_database):
        with target(*where) as home:
            return home.get(path, parameters)
    with database(written_database) as engine, engine.connect() as connection:
        return read(connection)


def _over_http(url: str, token: str | None) -> "Iterator[Target]":
    import httpx  # noqa: PLC0415 - `gateway version` should not wait for it

    if token is None:
        raise failed("the control plane wants a token: set GATEWAY_CONTROL_PLANE_TOKEN")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise failed(f"{url!r} is no URL: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise failed(f"{url!r} is no URL of a control plane, such as https://control-plane.example.com")
    if parsed.scheme == "http" and parsed.host not in ("127.0.0.1", "localhost", "::1"):
        raise failed(f"{url} would carry secrets over the network in clear: use https://")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{url.rstrip('/')}{_PREFIX}", headers=headers) as client:
        yield Target(client.request)


def _in_process(engine: "Engine") -> Send:
    """The same API without a server: what may open the database needs no token."""
    import asyncio  # noqa: PLC0415 - see above

    import httpx  # noqa: PLC0415 - see above

    from gateway.control_plane import wiring  # noqa: PLC0415 - see above
    from gateway.control_plane.encryption import EncryptionError  # noqa: PLC0415 - see above

    settings = read_settings()
    try:
        app = wiring.build_in_process(
            engine, settings.encryption_keys, settings.key_pepper, user_of_this_machine(), settings.control_plane_name
        )
    except EncryptionError as error:
        raise RefusedError(str(error)) from None

    async def ask(method: str, path: str, **more: Any) -> "httpx.Response":
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://in-process{_PREFIX}") as client:
            return await client.request(method, path, **more)

    return lambda method, path, **more: asyncio.run(ask(method, path, **more))


class Target:
    """A control plane, asked through its API. Everything raises `RefusedError`."""

    _may_lose_answers = True

    def __init__(self, send: Send) -> None:
        self._send = send

    def plan(self, request: "PlanRequest") -> "SavedPlan":
        """What an apply would do."""
        from gateway.plan.saved import SavedPlan  # noqa: PLC0415 - see above

        return msgspec.json.decode(self._ask("POST", "/plans", request), type=SavedPlan)

    def apply(self, saved: "SavedPlan", allowed: "Allowed", *, lock_wait_s: float = 30) -> Applied:
        """Carries a plan out; waits so long for others that do. It is done once, however often it is asked for."""
        body = {"saved": saved, "allowed": allowed, "lock_wait_s": lock_wait_s}
        sent = _Sent("POST", "/applies", body, "Applying the same plan again is safe: it is done once", lock_wait_s)
        return msgspec.json.decode(self._change(sent), type=Applied)

    def get(self, path: str, parameters: Mapping[str, str | Sequence[str]] | None = None) -> Any:
        """What is at a path."""
        return msgspec.json.decode(self._ask("GET", path, None, parameters=parameters))

    def mint(self, name: str, spec: Mapping[str, Any]) -> Any:
        """Makes a virtual key, the token's owner's if it is bound to one; its secret is in the answer."""
        body = {"name": name, "spec": spec}
        return msgspec.json.decode(self._change(_Sent("POST", "/virtual-keys", body)))

    def hand_over(self, kind: str, name: str, owner: str) -> None:
        """Gives a resource to another owner."""
        self._change(_Sent("POST", f"/owners/{kind}/{name}", {"owner": owner}))

    def delete(self, kind: str, name: str) -> None:
        """Takes a resource away."""
        self._change(_Sent("DELETE", f"/resources/{kind}/{name}", None))

    def verb(self, name: str, verb: str, body: Mapping[str, Any] | None = None) -> Any:
        """What happens in the life of a virtual key."""
        from urllib.parse import quote  # noqa: PLC0415 - see above

        path = f"/virtual-keys/{quote(name, safe='')}/{verb}"
        return msgspec.json.decode(self._change(_Sent("POST", path, body or {})))

    def _ask(
        self, method: str, path: str, body: object, *, parameters: Mapping[str, str | Sequence[str]] | None = None
    ) -> bytes:
        """The answer to what changes nothing."""
        return self._answer(_Sent(method, path, body), {}, parameters)

    def _change(self, sent: "_Sent") -> bytes:
        """The answer to what changes something, once, since it is known by a key or by the id of its plan.

        Where the answer is lost it is asked for again. From then on the outcome is unknown until an answer says what it
        is.
        """
        headers = {"Idempotency-Key": ids.ulid()} if self._may_lose_answers else {}
        pauses_s = iter(_PAUSES_S)
        lost: _LostError | None = None
        while True:
            try:
                return self._answer(sent, headers)
            except RefusedError as error:
                lost = error if isinstance(error, _LostError) else lost
                # The lock may be held by the very request whose answer was lost.
                if lost is None or error.code in (STALE, GUARD):
                    raise
                pause_s = next(pauses_s, None)
                if pause_s is None:
                    raise RefusedError(f"{lost}: the outcome is unknown. {sent.once_lost}", UNKNOWN) from None
                time.sleep(pause_s)

    def _answer(
        self, sent: "_Sent", headers: Mapping[str, str], parameters: Mapping[str, str | Sequence[str]] | None = None
    ) -> bytes:
        import httpx  # noqa: PLC0415 - see above

        content = None if sent.body is None else msgspec.json.encode(sent.body)
        headers = {**headers, **({"Content-Type": "application/json"} if content is not None else {})}
        timeout = _TIMEOUT_S + sent.wait_s
        try:
            answer = self._send(
                sent.method, sent.path, content=content, headers=headers, params=parameters, timeout=timeout
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            raise RefusedError(f"the control plane cannot be reached: {error}") from None
        except httpx.TransportError as error:
            raise _LostError(f"the connection was lost before the answer came ({type(error).__name__})") from None
        if answer.is_success:
            content_of: bytes = answer.content
            return content_of
        raise _refusal(answer)


class _Sent(NamedTuple):
    """A request, what can be done once it is lost for good, and how long it waits for others."""

    method: str
    path: str
    body: object
    once_lost: str = "See `gateway keys list` and `gateway audit`"
    wait_s: float = 0


class _Database(Target):
    """The control plane of a database, without a server; what may open the database needs no token."""

    _may_lose_answers = False

    def __init__(self, engine: "Engine", *, only_looks: bool) -> None:
        super().__init__(self._through_the_api)
        self._engine = engine
        self._only_looks = only_looks
        self._settings = read_settings()

    def plan(self, request: "PlanRequest") -> "SavedPlan":
        """What an apply would do; what only looks is not sealed, and cannot be applied."""
        from gateway import clock  # noqa: PLC0415 - see above
        from gateway.control_plane import planning  # noqa: PLC0415 - see above
        from gateway.plan.saved import SavedPlan  # noqa: PLC0415 - see above
        from gateway.storage.engine import reading  # noqa: PLC0415 - see above
        from gateway.storage.ready import is_missing  # noqa: PLC0415 - see above

        now, name = clock.microseconds(), self._settings.control_plane_name
        with _refusals():
            if self._only_looks and is_missing(self._engine):
                return SavedPlan(planning.plan_of_nothing(request, now=now, control_plane=name), "")
            vault = self._vault()
            with reading(self._engine) as connection:
                made = planning.plan(connection, vault, request, now=now, control_plane=name)
            return SavedPlan(made, "") if self._only_looks else planning.saved(vault, request, made)

    def apply(self, saved: "SavedPlan", allowed: "Allowed", *, lock_wait_s: float = 30) -> Applied:
        """Carries a plan out; waits so long for others that do."""
        from gateway import clock  # noqa: PLC0415 - see above
        from gateway.control_plane import planning  # noqa: PLC0415 - see above
        from gateway.control_plane.audit import Actor  # noqa: PLC0415 - see above
        from gateway.control_plane.minting import Minter  # noqa: PLC0415 - see above
        from gateway.storage.engine import writing  # noqa: PLC0415 - see above

        pepper = self._settings.key_pepper
        with _refusals(), writing(self._engine, lock_wait_s=lock_wait_s) as connection:
            done = planning.apply(
                connection,
                self._vault(),
                saved,
                allowed=allowed,
                actor=Actor(user_of_this_machine(), token_id=user_of_this_machine()),
                mint=Minter(pepper.get_secret_value() if pepper is not None else None),
                now=clock.microseconds(),
                lock_wait_s=lock_wait_s,
                control_plane=self._settings.control_plane_name,
            )
        return Applied(done.revision, done.already, {name: secret.reveal() for name, secret in done.minted.items()})

    def _through_the_api(self, method: str, path: str, **more: Any) -> Any:
        return _in_process(self._engine)(method, path, **more)

    def _vault(self) -> "Vault":
        from gateway.control_plane.encryption import open_vault  # noqa: PLC0415 - see above

        keys = self._settings.encryption_keys
        configured = keys.get_secret_value() if keys is not None else None
        return open_vault(configured, self._engine, makes_key=not self._only_looks)


@contextmanager
def _refusals() -> "Iterator[None]":
    """What the functions behind the API refuse, as the API would say it."""
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415 - see above

    from gateway.control_plane.errors import ApiError  # noqa: PLC0415 - see above
    from gateway.control_plane.rest.refusals import as_api_errors  # noqa: PLC0415 - see above

    try:
        with as_api_errors():
            yield
    except ApiError as error:
        raise RefusedError(error.message, _CODES.get(error.type, 1)) from None
    except OperationalError as error:
        if "database is locked" not in str(error.orig):
            raise
        raise RefusedError("Somebody else writes at this moment; try again.", LOCKED) from None


def _refusal(answer: "httpx.Response") -> RefusedError:
    try:
        error = answer.json()["error"]
        return RefusedError(str(error["message"]), _CODES.get(error["type"], 1))
    except (ValueError, KeyError, TypeError):
        if answer.is_server_error:
            # A proxy that did not wait for the control plane knows no more than we do.
            return _LostError(f"something before the control plane answers {answer.status_code}")
        return RefusedError(f"this is no control plane, it answers {answer.status_code} without saying why")


def user_of_this_machine() -> str:
    """Who runs the command, for audit logs."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (command line)"
