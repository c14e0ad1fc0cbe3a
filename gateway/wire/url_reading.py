"""What a URL means to whoever fetches it: as it is written, and as a browser's parser reads it.

The parser is Ada's (https://www.ada-url.com), which follows https://url.spec.whatwg.org: hosts percent-decoded and
mapped by IDNA and NFKC, IPv4 addresses in any base, tabs and line ends left out, backslashes read as slashes, missing
slashes put in. Beyond the standard, what leads to the same place is read as one: user information is left out, and so
is the last dot of a host; an IPv4 address inside an IPv6 one is read as IPv4.
"""

import ipaddress
import re
from typing import NamedTuple

from ada_url import normalize_url

# PERF: parsing takes several microseconds; most URLs are written just as the parser would write them.
_AS_PARSED = re.compile(
    r"https?://(?:[a-z0-9_-]++\.)*+[a-z][a-z0-9-]*+(?:/(?!\.)[A-Za-z0-9._~!$&'()*+,;=:@-]*+)++"
    r"(?:[?#][^\s\"<>\\^`{|}]*+)?",
    re.ASCII,
)
_HTTP = re.compile(r"(https?://)(?:[^/?#]*@)?(\[[^\]]*\]|[^/:?#]*)(.*)", re.DOTALL)
_LOOSE = re.compile(r"(https?:)[/\\]*(?:[^/\\?#]*@)?(.*)", re.DOTALL | re.IGNORECASE)
_NO_SCHEME = re.compile(r"[\x00-\x20]*(?![a-z][a-z0-9+.-]*:)", re.IGNORECASE)
_MOVES = re.compile(r"[\x00-\x20\\]|/(?:\.|%2e){1,2}(?:[/?#]|\Z)|\A[^/]*//[^/?#]*@", re.IGNORECASE)
_BACKSLASH_IN_USER = re.compile(r"(https?://)[^/?#]*\\[^/?#]*@(.*)", re.DOTALL | re.IGNORECASE)
"""To browsers the host ends at the backslash, to others (RFC 3986) it comes behind the `@`."""
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
_LAST_32_BITS = 0xFFFF_FFFF


class Reading(NamedTuple):
    """The spellings of one URL: `deny` patterns refuse any of `spellings`, `allow` patterns have to match in `leads`.

    `leads` has the written form only where it leads to the same place for everybody. `is_data` tells a `data:` URL.
    """

    spellings: tuple[str, ...]
    leads: tuple[str, ...]
    is_data: bool = False


def read(url: str) -> Reading:
    """Reads an absolute URL, or what stands where a URL has to."""
    if _AS_PARSED.fullmatch(url) is not None:
        return Reading((url,), (url,))
    href = _parsed(url)
    lowered = _lowered(url)
    if href is None:
        return _unparsed(url, lowered)
    http = _HTTP.fullmatch(href)
    if http is None:
        return Reading(_distinct(url, lowered, href), _distinct(href), href.startswith("data:"))
    scheme, host, rest = http.groups()
    places = [f"{scheme}{form}{rest}" for form in _forms(host)]
    same = () if _MOVES.search(url) else (url, lowered)
    spellings = _distinct(url, lowered, href, *places, *(_unescaped(place) for place in places))
    elsewhere = _BACKSLASH_IN_USER.fullmatch(url)
    if elsewhere is not None:
        return Reading((*spellings, *read(f"{elsewhere[1]}{elsewhere[2]}").spellings), ())
    return Reading(spellings, _distinct(*places, *same))


def _unparsed(url: str, lowered: str) -> Reading:
    """What no browser takes for a URL may be one for others, and relative ones are to some fetchers."""
    if _NO_SCHEME.match(url) is not None:
        bare = url.strip().lstrip("/\\")
        guessed = [read(f"{scheme}://{bare}").spellings for scheme in ("http", "https")] if bare else []
        return Reading(_distinct(url, lowered, *(one for spellings in guessed for one in spellings)), (url,))
    loose = _LOOSE.fullmatch(url)
    if loose is None:
        return Reading(_distinct(url, lowered), _distinct(url, lowered))
    spellings = _distinct(url, lowered, _lowered(f"{loose[1]}//{loose[2]}"))
    return Reading(spellings, spellings[-1:])


def _parsed(url: str) -> str | None:
    try:
        return normalize_url(url)
    except ValueError:
        return None


def _forms(host: str) -> list[str]:
    """A host as it is, but for its last dot, and as the IPv4 address that is in it."""
    if not host.startswith("["):
        return [host.removesuffix(".")]
    address = ipaddress.IPv6Address(host[1:-1])
    inside = address.ipv4_mapped or address.sixtofour
    if inside is None and (address in _NAT64 or address in _IPV4_COMPATIBLE):
        inside = ipaddress.IPv4Address(int(address) & _LAST_32_BITS)
    return [host] if inside is None else [host, str(inside)]


def _unescaped(url: str) -> str:
    """The URL without the escapes that no character needs (RFC 3986, section 6.2.2.2)."""
    if "%" not in url:
        return url
    return _ESCAPE.sub(lambda escape: _plain(escape[0], chr(int(escape[1], 16))), url)


def _plain(escape: str, character: str) -> str:
    return character if _UNRESERVED.fullmatch(character) else escape


def _lowered(url: str) -> str:
    """The URL with scheme and host in lower case, in which they mean the same (RFC 3986, section 6.2.2.1)."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{separator}{host.lower()}{slash}{path}"


def _distinct(*spellings: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spellings))
