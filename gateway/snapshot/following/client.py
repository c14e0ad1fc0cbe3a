"""The control plane as a gateway asks it."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import msgspec

from gateway.config.documents import ChangesDocument, NodeReport
from gateway.secret import Secret
from gateway.snapshot.following.state import Followed

_WAIT_S: Final = 30
_CONNECT_S: Final = 5.0
_SPARE_S: Final = 15.0
_LARGEST: Final = 512 * 1024 * 1024
_CHANGES: Final = msgspec.json.Decoder(ChangesDocument)
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class UnreachableError(Exception):
    """The control plane did not answer, or refused; the message says how and holds no secret."""


def check_url(url: str) -> None:
    """Raises `ValueError` for what is no URL of a control plane, or would carry credentials in clear."""
    if not re.match(r"https?://[^/]", url):
        raise ValueError(f"{url!r} is no URL of a control plane, such as https://control-plane.example.com")
    parsed = httpx.URL(url)
    if parsed.scheme == "http" and parsed.host not in _LOOPBACK:
        raise ValueError(f"{url} would carry credentials over the network in clear: use https://")


class Client:
    """One connection that waits for news, and one for reports."""

    def __init__(self, url: str, token: Secret, hear_of_peppers: Callable[[Sequence[str]], None]) -> None:
        self._hear_of_peppers = hear_of_peppers
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/gateway/v1",
            headers={"Authorization": f"Bearer {token.reveal()}"},
            timeout=httpx.Timeout(_WAIT_S + _SPARE_S, connect=_CONNECT_S),
            follow_redirects=False,
        )
        self.token_ends: str | None = None
        """When the token of this gateway ends, as the control plane last said; `None`: never, or not said yet."""
        self.tokens_ending = 0
        """How many tokens of the control plane end within 14 days, as it last said."""

    async def changes(self, known: Followed, *, wait: bool) -> ChangesDocument | None:
        """What is new; `None`: nothing, for as long as the control plane would wait. Raises `UnreachableError`."""
        parameters: dict[str, str | int] = {"lineage": known.known_lineage, "since": known.revision}
        if known.identity:
            parameters["identity"] = known.identity
        parameters["wait"] = _WAIT_S if wait else 0
        answer = await self._ask("GET", "/changes", params=parameters)
        if answer.status_code == httpx.codes.NO_CONTENT:
            return None
        try:
            return _CHANGES.decode(answer.content)
        except msgspec.DecodeError:
            raise UnreachableError("the control plane answers in a way that this version cannot read") from None

    async def report(self, said: NodeReport) -> None:
        """Says what this gateway serves. Raises `UnreachableError`."""
        answer = await self._ask("POST", "/nodes", content=msgspec.json.encode(said))
        ending = answer.headers.get("Gateway-Tokens-Ending", "0")
        self.tokens_ending = int(ending) if ending.isdecimal() else 0

    async def close(self) -> None:
        """Ends its connections."""
        await self._http.aclose()

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise UnreachableError(f"the control plane does not answer: {type(error).__name__} {error}") from None
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise UnreachableError(f"the control plane refuses the token of this gateway: {_message(answer)}")
        if not answer.is_success:
            raise UnreachableError(f"the control plane answers {answer.status_code}: {_message(answer)}")
        if peppers := answer.headers.get("Gateway-Key-Peppers"):
            self._hear_of_peppers(peppers.split(","))
        self.token_ends = answer.headers.get("Gateway-Token-Expires-At")
        return answer


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return "without saying why"
