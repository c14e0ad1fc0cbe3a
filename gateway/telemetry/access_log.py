"""What the access logs of gateway and control plane share: who asks, and which requests have a line."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

import msgspec

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST_AGENT: Final = 256
_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 256
_FORWARDED_FOR: Final = b"x-forwarded-for"
AGENT: Final = b"user-agent"
"""The header that says what a client calls itself."""
_SHARE: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_ALL: Final = ("all", "true", "1", "on", "yes", "t", "y")
_NONE: Final = ("off", "false", "0", "no", "f", "n")


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who asked, beside what a record says: the node that was asked, the client's address and what it calls itself."""

    node: str
    client_address: str | None
    user_agent: str | None


class Callers:
    """Who asks this node.

    Args:
        node: How it is called.
        trusted: The proxies whose `X-Forwarded-For` is believed. Its right end is what the last of them has seen, so
            the client is the first from there that is none of them; what stands further left anybody may have written.
    """

    def __init__(self, node: str, trusted: Sequence[Network] = ()) -> None:
        self._node = node
        self._trusted = tuple(trusted)
        self._members: dict[tuple[str | None, bytes | None, bytes], bytes] = {}

    def caller(self, peer: str | None, agent: bytes | None, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """Who asks by a connection from `peer` and calls itself `agent`; names of `headers` are in lower case."""
        return self._caller(peer, agent, self._forwarded(headers))

    def address(self, peer: str | None, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The address of who asks by a connection from `peer`."""
        return self._caller(peer, None, self._forwarded(headers)).client_address

    def members(self, peer: str | None, agent: bytes | None, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The same as members of a JSON object, without its brackets.

        PERF: every request asks, and a client asks again and again.
        """
        key = peer, None if agent is None else agent[:_LONGEST_AGENT], self._forwarded(headers)
        if len(key[2]) > _LONGEST_REMEMBERED:
            # Whoever sends such a head could fill the memory with it.
            return self._encoded(*key)
        known = self._members.get(key)
        if known is None:
            if len(self._members) >= _REMEMBERED:
                self._members.clear()
            known = self._members[key] = self._encoded(*key)
        return known

    def _encoded(self, peer: str | None, agent: bytes | None, forwarded: bytes) -> bytes:
        return msgspec.json.encode(self._caller(peer, agent, forwarded))[1:-1]

    def _forwarded(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """What is to be read of `X-Forwarded-For`, all of its lines."""
        if not self._trusted:
            return b""
        return b",".join([value for name, value in headers if name == _FORWARDED_FOR])

    def _caller(self, peer: str | None, agent: bytes | None, forwarded: bytes) -> Caller:
        address = peer if peer is None or not self._trusted else self._client(peer, forwarded)
        told = None if agent is None else agent[:_LONGEST_AGENT].decode("utf-8", "replace")
        return Caller(self._node, address, told)

    def _client(self, peer: str, forwarded_for: bytes) -> str:
        address = peer
        hops = forwarded_for.decode("latin-1").split(",") if forwarded_for else []
        while hops and self._is_within(address):
            # Without an address the chain ends at the proxy that wrote it.
            before = _address(hops.pop())
            if before is None:
                break
            address = before
        return address

    def _is_within(self, address: str) -> bool:
        read = _address(address)
        return read is not None and any(ipaddress.ip_address(read) in network for network in self._trusted)


class Lines:
    """Which requests have a line: what did not go well always, of the others a `share` from 0 to 1.

    Of what went well they are chosen by the gateway's own id of the request: any other, such as that of its trace, its
    client may choose.
    """

    def __init__(self, share: float) -> None:
        self._bound = round(share * 2**32)
        self._has_all = share >= 1

    def has(self, *, went_well: bool, request_id: str) -> bool:
        """Whether a request has one."""
        return self._has_all or not went_well or crc32(request_id.encode()) < self._bound


def lines_of(setting: str) -> Lines | None:
    """What `all`, `failures` or `N%` mean; `None` for `off`."""
    return None if setting == "off" else Lines(1.0 if setting == "all" else _share(setting) or 0.0)


def read_setting(value: object) -> str:
    """`all`, `failures`, `N%` or `off` of what somebody wrote. Raises `ValueError`."""
    text = str(value).strip().lower()
    if text in _ALL:
        return "all"
    if text in _NONE:
        return "off"
    share = _share(text)
    if text != "failures" and (share is None or share > 1):
        raise ValueError("this is all, failures, off, or a share of what goes well such as 5%")
    return text


def read_networks(value: object) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas. Raises `ValueError`."""
    parts = str(value).split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else ()
    return tuple(ipaddress.ip_network(str(part).strip(), strict=False) for part in parts if str(part).strip())


def _share(text: str) -> float | None:
    found = _SHARE.fullmatch(text)
    return None if found is None else float(found[1]) / 100


def _address(text: str) -> str | None:
    """An IP address without its port, brackets or zone, an IPv4 address within IPv6 as itself; `None` for others."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        read = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    within = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return str(read if within is None else within)
