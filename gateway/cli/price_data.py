"""Newer prices than the installed package has: data that a file or a URL hands over, within bounds of size and time."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.cli.database import failed

if TYPE_CHECKING:
    from gateway.money.price_data import PriceData

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_SECONDS: Final = 120
_SILENCE_S: Final = 20.0
_MOST_REDIRECTS: Final = 3
_LONGEST_NAME: Final = 120
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def price_data(where: str) -> "PriceData":
    """The data at a path or an https URL; ends the command with what is wrong where it is none."""
    from gateway.money.price_data import BadPriceDataError, read_price_data  # noqa: PLC0415 - `gateway version` waits

    is_url = "://" in where
    content = _fetched(where) if is_url else _read(Path(where))
    try:
        return read_price_data(content, _named(where) if is_url else Path(where).name[:_LONGEST_NAME])
    except BadPriceDataError as error:
        raise failed(f"{_named(where) if is_url else where}: {error}") from None


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
    import httpx  # noqa: PLC0415 - see above

    named, content = _named(url), bytearray()
    _check_address(url, named)
    try:
        with (
            httpx.Client(follow_redirects=True, max_redirects=_MOST_REDIRECTS, timeout=_SILENCE_S) as client,
            client.stream("GET", url) as answer,
        ):
            for hop in (*answer.history, answer):
                _check_address(str(hop.url), named)
            if answer.status_code != httpx.codes.OK:
                raise failed(f"{named} answers {answer.status_code}")
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > MOST_BYTES:
                    raise _too_large(named)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise failed(f"{named} cannot be fetched: {error or type(error).__name__}") from None
    return bytes(content)


def _check_address(url: str, named: str) -> None:
    """Prices that anybody on the way can change are none: only this machine is asked without TLS."""
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    except ValueError:
        is_safe = False
    if not is_safe:
        raise failed(f"{named}: prices are fetched from https URLs")


def _named(url: str) -> str:
    """A URL as others may see it: without who asks, and without a query."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("#")[0].partition("?")[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"[:_LONGEST_NAME] if rest else url[:_LONGEST_NAME]


def _too_large(named: str) -> Exception:
    return failed(f"{named} has more than {MOST_BYTES // (1024 * 1024)} MiB, which no price list has")
