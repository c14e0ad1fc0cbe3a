"""Newer prices than the installed package has: data that a file or a URL hands over, within bounds of size and time."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.cli.database import failed
from gateway.visible import visible

if TYPE_CHECKING:
    from httpx import Response

    from gateway.money.price_data import PriceData

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_SECONDS: Final = 120
_SILENCE_S: Final = 20.0
_MOST_REDIRECTS: Final = 5
_LONGEST_NAME: Final = 120
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_HIDDEN: Final = "***"


def price_data(where: str) -> "PriceData":
    """The data at a path or an https URL; ends the command with what is wrong where it is none."""
    from gateway.money.price_data import BadPriceDataError, read_price_data  # noqa: PLC0415 - `gateway version` waits

    is_url = "://" in where
    content = _fetched(where) if is_url else _read(Path(where))
    try:
        return read_price_data(content, _named(where) if is_url else visible(Path(where).name)[:_LONGEST_NAME])
    except BadPriceDataError as error:
        raise failed(f"{_named(where) if is_url else where}: {visible(str(error))}") from None


@contextmanager
def in_time(where: str) -> Iterator[None]:
    """Ends the command where what is done takes too long: a server that drips, a pattern that does not end."""

    def give_up(_signal: int, _frame: object) -> None:
        raise failed(f"taking prices from {_named(where)} takes more than {MOST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(MOST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _read(file: Path) -> bytes:
    from gateway.config.files import read_regular_file  # noqa: PLC0415 - see above

    try:
        content = read_regular_file(file, MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name is malformed"
        raise failed(f"{file} cannot be read: {reason}") from None
    if len(content) > MOST_BYTES:
        raise _too_large(str(file))
    return content


def _fetched(url: str) -> bytes:
    """What a URL answers with; every address that it redirects to is judged before it is asked."""
    import httpx  # noqa: PLC0415 - see above

    named = _named(url)
    if not _is_safe(url, may_be_local=True):
        raise failed(f"{named}: prices are fetched from https URLs")
    may_be_local = urlsplit(url).hostname in _LOCAL
    try:
        with httpx.Client(timeout=_SILENCE_S) as client:
            request = client.build_request("GET", url)
            for _ in range(_MOST_REDIRECTS + 1):
                with closing(client.send(request, stream=True)) as answer:
                    if answer.next_request is None:
                        return _content(answer, named)
                    request = answer.next_request
                if not _is_safe(str(request.url), may_be_local=may_be_local):
                    raise failed(f"{named} redirects to what is no https URL: prices are fetched from https URLs")
    except httpx.InvalidURL:
        raise failed(f"{named} cannot be fetched: the URL is malformed") from None
    except (httpx.HTTPError, ValueError) as error:
        raise failed(f"{named} cannot be fetched: {error or type(error).__name__}") from None
    raise failed(f"{named} cannot be fetched: it redirects more than {_MOST_REDIRECTS} times")


def _content(answer: "Response", named: str) -> bytes:
    if answer.status_code != HTTPStatus.OK:
        raise failed(f"{named} answers {answer.status_code}")
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise _too_large(named)
    return bytes(content)


def _is_safe(url: str, *, may_be_local: bool) -> bool:
    """Whether nobody on the way can change what a URL answers: only this machine is asked without TLS."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (may_be_local and parts.scheme == "http" and parts.hostname in _LOCAL)


def _named(url: str) -> str:
    """A URL as others may see it: nothing before its last `@`, for a password may have any character, and no query."""
    scheme, _, rest = url.partition("://")
    if not rest:
        return visible(url)[:_LONGEST_NAME]
    shown = rest.partition("#")[0].partition("?")[0]
    if "@" in rest[len(shown) :]:
        shown = _HIDDEN
    elif "@" in shown:
        shown = f"{_HIDDEN}@{shown.rpartition('@')[2]}"
    return visible(f"{scheme}://{shown}")[:_LONGEST_NAME]


def _too_large(named: str) -> Exception:
    return failed(f"{named} has more than {MOST_BYTES // (1024 * 1024)} MiB, which no price list has")
