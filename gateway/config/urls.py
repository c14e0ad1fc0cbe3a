"""URLs of upstreams and collectors: what no pattern can say of them."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.upstream.head import climbs


def url_fault(url: str, instead: str) -> str | None:
    """What is wrong with a URL; `instead` says where a credential belongs that stands in the URL."""
    if "${" in url:
        return None  # the node that serves resolves it, and checks it then
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the host or the port of the URL is malformed"
    if "@" in parts.netloc:
        return f"the URL carries a user name or password; give the credential {instead}"
    if climbs(parts.path):
        return "the path of the URL has a segment `.` or `..`; write where it leads"
    return "the URL names no host" if not parts.hostname or port == 0 else None


def is_plain_to_another_host(url: str) -> bool:
    """Whether what is sent there crosses a network unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
