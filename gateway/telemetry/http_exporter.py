"""OTLP over http: any signal's batches to one place."""

import gzip
import ssl
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol
from urllib.request import getproxies

import httpx
import msgspec

from gateway import clock
from gateway.secret import Secret
from gateway.telemetry.collector_headers import check_headers
from gateway.telemetry.collector_settings import CollectorSettings
from gateway.telemetry.otel_variables import Signal, Variables
from gateway.version import __version__

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_HERE: Final = "http://localhost:4318"
_PAUSES_S: Final = (0.5, 1.0, 2.0)
_TRY_AGAIN: Final = frozenset((429, 502, 503, 504))
"""https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes"""


class HttpPlace(msgspec.Struct, frozen=True):
    """Where batches of one signal go, and how.

    Args:
        url: With the signal's path.
        headers: Names and values; the values are secret.
        timeout_s: How long sending a batch may take, further tries included.
        certificate: A file of PEM that the collector's certificate is checked by; empty for the usual ones.
        client_certificate: A file of PEM with the gateway's own certificate, empty for none; `client_key` its key.
        compresses: Whether batches go compressed by gzip.
    """

    url: str
    headers: tuple[tuple[str, Secret], ...] = ()
    timeout_s: float = 10.0
    certificate: str = ""
    client_certificate: str = ""
    client_key: str = ""
    compresses: bool = False


def place_of_variables(signal: Signal, variables: Variables) -> HttpPlace:
    """Where the variables send a signal."""
    own, common = (variables.text(name) for name in variables.names_for(signal, "ENDPOINT"))
    return _trusting(
        HttpPlace(
            url=own or f"{(common or _HERE).rstrip('/')}/v1/{signal}",
            headers=variables.headers(signal),
            compresses=variables.compresses(signal),
        ),
        signal,
        variables,
    )


def place_of(settings: CollectorSettings, variables: Variables) -> HttpPlace:
    """Where a collector of the configuration gets spans: its own headers and no others.

    Those of `OTEL_EXPORTER_OTLP_HEADERS` are somebody else's secrets.
    """
    base = settings.endpoint.rstrip("/")
    url = base if base.endswith("/v1/traces") else f"{base}/v1/traces"
    return _trusting(HttpPlace(url=url, headers=settings.headers), "traces", variables)


def _trusting(place: HttpPlace, signal: Signal, variables: Variables) -> HttpPlace:
    """With the certificates and the patience that the variables say."""
    return msgspec.structs.replace(
        place,
        timeout_s=variables.timeout_s(signal),
        certificate=variables.of_exporter(signal, "CERTIFICATE"),
        client_certificate=variables.of_exporter(signal, "CLIENT_CERTIFICATE"),
        client_key=variables.of_exporter(signal, "CLIENT_KEY"),
    )


class Sender(Protocol):
    """Sends batches of one signal, from one thread."""

    @property
    def failure(self) -> str | None:
        """Why the last try failed."""

    def send(self, body: bytes) -> bool:
        """Sends a batch, the message of an OTLP request; says whether it arrived."""

    def close(self) -> None:
        """Ends what it waits for, and closes the connections."""


class HttpSender:
    """Sends batches over http.

    Raises at the start: `OSError` where a certificate cannot be read, `HeaderError` where a header cannot be sent.
    """

    def __init__(self, place: HttpPlace) -> None:
        self._place = place
        check_headers(place.headers)
        headers = {
            **{name: value.reveal() for name, value in place.headers},
            "content-type": "application/x-protobuf",
            "user-agent": f"declarative-llm-gateway/{__version__}",
        }
        if place.compresses:
            headers["content-encoding"] = "gzip"
        # Redirects are not followed: they would carry the headers to a host that nobody named.
        self._client = httpx.Client(headers=headers, timeout=place.timeout_s, verify=_trust(place))
        self._closing = threading.Event()
        self.failure: str | None = None
        """Why the last try failed: the status, or what kept it from one."""

    def send(self, body: bytes) -> bool:
        """Sends, and again after pauses where the collector is busy or away, for as long as a batch may take."""
        content = gzip.compress(body, 1) if self._place.compresses else body
        deadline = clock.monotonic() + self._place.timeout_s
        for pause_s in (*_PAUSES_S, 0.0):
            status = self._post(content)
            if status is not None and status not in _TRY_AGAIN:
                return status < 300  # noqa: PLR2004 - RFC 9110, section 15
            if clock.monotonic() + pause_s > deadline or self._closing.wait(pause_s):
                break
        return False

    def close(self) -> None:
        """Ends a pause, and closes the connections."""
        self._closing.set()
        self._client.close()

    def _post(self, content: bytes) -> int | None:
        """The status, or `None` where there was no answer. What the answer says is not read."""
        try:
            with self._client.stream("POST", self._place.url, content=content) as response:
                self.failure = f"it answered {response.status_code} {_PHRASES.get(response.status_code, '')}".strip()
                return response.status_code
        except (httpx.LocalProtocolError, httpx.InvalidURL) as error:
            # They quote what they refuse, which may be a secret.
            self.failure = type(error).__name__
            return None
        except httpx.HTTPError as error:
            self.failure = f"{type(error).__name__}: {error}"
            return None


class Delivery:
    """Batches of one signal to one place, from one thread; no failure keeps the next batch from being another try.

    Args:
        open_sender: Makes the sender, once there is a batch.
        tell: Hears why, when a batch is the first that does not arrive, and `None` when one arrives again.
    """

    def __init__(self, open_sender: Callable[[], Sender], tell: Callable[[str | None], None]) -> None:
        self._open_sender = open_sender
        self._tell = tell
        self._sender: Sender | None = None
        self._fails = False

    def send(self, batch: Callable[[], bytes]) -> bool:
        """Sends what `batch` makes; says whether it arrived."""
        try:
            sender = self._sender = self._sender or self._open_sender()
            why = None if sender.send(batch()) else sender.failure or "it did not say why"
        except Exception as error:  # noqa: BLE001 - whatever it is, the next batch is another try
            why = f"{type(error).__name__}: {error}"
        if (why is not None) is not self._fails:
            self._fails = why is not None
            self._tell(why)
        return why is None

    def close(self) -> None:
        """Lets go of the sender."""
        if self._sender is not None:
            self._sender.close()


def _trust(place: HttpPlace) -> ssl.SSLContext | bool:
    if not place.certificate and not place.client_certificate:
        if place.url.lower().startswith("http:") and not getproxies():
            # PERF: reading whom the machine trusts takes as long as a hundred requests, and nobody is asked for a
            # certificate. This trusts nobody.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return True
    _readable(place.certificate, place.client_certificate, place.client_key)
    context = ssl.create_default_context(cafile=place.certificate or None)
    if place.client_certificate:
        context.load_cert_chain(place.client_certificate, place.client_key or None)
    return context


def _readable(*files: str) -> None:
    """Raises `OSError` that names the file, which those of `ssl` do not."""
    for file in filter(None, files):
        Path(file).read_bytes()
