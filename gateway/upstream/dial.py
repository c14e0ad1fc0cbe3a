"""Opening connections: name, address, proxy, TLS. Every way in which that fails becomes an `UpstreamFailure`."""

import asyncio
import errno
import os
import socket
import ssl
from typing import cast
from urllib.parse import SplitResult

import aiohappyeyeballs

from gateway.upstream.connection import Connection
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.proxy import Proxy, open_tunnel
from gateway.upstream.tls import client_context

_NEXT_ADDRESS_AFTER_S = 0.25
_KEEPALIVE_IDLE_S = 30
_DEFAULT_PORTS = {"http": 80, "https": 443}


async def dial(url: SplitResult, proxy: Proxy | None, timeout_s: float) -> Connection:
    """A connection that is ready for its first request. Raises `UpstreamFailure`."""
    host = url.hostname or ""
    try:
        async with asyncio.timeout(timeout_s):
            return await _open(url.scheme, host, port_of(url), proxy)
    except TimeoutError:
        raise UpstreamFailure(FailureKind.TIMEOUT, f"no connection within {timeout_s:g} s") from None
    except socket.gaierror as error:
        name = proxy.host if proxy is not None else host
        raise UpstreamFailure(FailureKind.CONNECT, f"the name {name} was not found ({error.strerror})") from error
    except ssl.SSLCertVerificationError as error:
        raise UpstreamFailure(
            FailureKind.CONNECT, f"its certificate is not to be trusted: {error.verify_message}"
        ) from error
    except ssl.SSLError as error:
        raise UpstreamFailure(FailureKind.CONNECT, f"TLS failed: {error.reason or 'no reason given'}") from error
    except OSError as error:
        raise UpstreamFailure(FailureKind.CONNECT, reason_of(error)) from error


def port_of(url: SplitResult) -> int:
    """The port of a URL, the scheme's own where it names none. Raises `UpstreamFailure` for one out of range."""
    try:
        return url.port or _DEFAULT_PORTS[url.scheme]
    except (ValueError, KeyError):
        raise UpstreamFailure(FailureKind.CONNECT, "the URL is not an http(s) URL with a valid port") from None


def reason_of(error: OSError) -> str:
    """What the system says, without addresses: `connection refused`."""
    if error.errno is None or error.errno not in errno.errorcode:
        return "the connection failed"
    return os.strerror(error.errno).lower()


async def _open(scheme: str, host: str, port: int, proxy: Proxy | None) -> Connection:
    loop = asyncio.get_running_loop()
    near, near_port = (proxy.host, proxy.port) if proxy is not None else (host, port)
    addresses = await loop.getaddrinfo(near, near_port, type=socket.SOCK_STREAM)
    connected = await aiohappyeyeballs.start_connection(
        addresses, happy_eyeballs_delay=_NEXT_ADDRESS_AFTER_S, interleave=1, loop=loop
    )
    try:
        _keep_alive(connected)
        encrypted = scheme == "https"
        if proxy is not None and encrypted:
            await open_tunnel(connected, proxy, host, port)
        connection = Connection(loop)
        await loop.create_connection(
            lambda: cast("asyncio.Protocol", connection),
            sock=connected,
            ssl=client_context() if encrypted else None,
            server_hostname=host if encrypted else None,
        )
    except BaseException:
        connected.close()
        raise
    return connection


def _keep_alive(connected: socket.socket) -> None:
    """TCP's own probes find a peer that vanished while a long answer is awaited."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
