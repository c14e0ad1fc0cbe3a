"""Forward proxies, as the environment names them: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`."""

import asyncio
import socket
from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

from gateway.upstream.failure import FailureKind, UpstreamFailure

_LONGEST_ANSWER = 16 * 1024


class Proxy(msgspec.Struct, frozen=True):
    """Where the proxy listens, and the `Proxy-Authorization` that it wants, if any."""

    host: str
    port: int
    authorization: str | None = None


def proxy_for(url: SplitResult) -> Proxy | None:
    """The proxy that the environment has for a URL. Raises `UpstreamFailure` for one that cannot be used."""
    proxies = getproxies()
    written = proxies.get(url.scheme) or proxies.get("all")
    if not written or proxy_bypass(url.netloc.rpartition("@")[2]):
        return None
    parts = urlsplit(written if "://" in written else f"http://{written}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "http" or not parts.hostname or port is None:
        raise UpstreamFailure(
            FailureKind.CONNECT, f"the proxy that the environment names for {url.scheme} is not http://HOST:PORT"
        )
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {b64encode(pair.encode()).decode()}"
    return Proxy(parts.hostname, port, authorization)


async def open_tunnel(connected: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Asks the proxy for a tunnel (RFC 9110, section 9.3.6). Raises `UpstreamFailure` when it refuses."""
    loop = asyncio.get_running_loop()
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    await loop.sock_sendall(connected, "\r\n".join((*lines, "", "")).encode("latin-1"))
    answer = b""
    while b"\r\n\r\n" not in answer:
        received = await loop.sock_recv(connected, 4096)
        answer += received
        if not received or len(answer) > _LONGEST_ANSWER:
            raise UpstreamFailure(FailureKind.CONNECT, "the proxy gave no answer that can be read")
    status = answer.split(b" ", 2)[1:2]
    if not status or not status[0].startswith(b"2"):
        reason = answer.split(b"\r\n", 1)[0].decode("latin-1")[:100]
        raise UpstreamFailure(FailureKind.CONNECT, f"the proxy refused the tunnel: {reason}")
