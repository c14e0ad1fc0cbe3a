"""Where Redis is, as a URL says it: a server, nodes of a cluster, or Sentinels that know the master's address."""

from collections.abc import Iterator, Mapping
from typing import Final, NoReturn
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec

from gateway.secret import Secret

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_SENTINEL: Final = "+sentinel"
_TLS_OF: Final = {"redis": False, "valkey": False, "rediss": True, "valkeys": True, "unix": False}
_OPTIONS: Final = ("db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")
_TRUTHS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
EXAMPLES: Final = (
    "`redis://user:password@host:6379/0`, `rediss://...` for TLS, `redis://host:7000,host:7001` for nodes of a cluster,"
    " `redis+sentinel://user:password@sentinel:26379,sentinel:26379/mymaster/0`, or `unix:///path/to/socket?db=0`"
)


class Login(msgspec.Struct, frozen=True):
    """As whom to speak to a server; without a username, as its default user."""

    username: str | None = None
    password: Secret | None = None


class Tls(msgspec.Struct, frozen=True):
    """Files in PEM form: whom to trust (`None`: whom the system trusts), and who this is, where the server asks."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    check_hostname: bool = True


class RedisAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One server, and as whom to speak to it. As text: where it is, without the credentials."""

    host: str = "localhost"
    port: int = _PORT
    path: str | None = None
    database: int = 0
    login: Login = Login()
    tls: Tls | None = None

    def __str__(self) -> str:
        return f"Redis at {self.path or f'{self.host}:{self.port}'}"


class RedisService(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look for the server that has the counters.

    `addresses` are the server itself, or nodes of a cluster, of which any will do. With `master`, the name of one that
    Sentinels watch, they are those of the Sentinels, and `server` is what the master's address is put into.
    """

    addresses: tuple[RedisAddress, ...]
    master: str = ""
    server: RedisAddress = RedisAddress()

    def __str__(self) -> str:
        if self.master:
            return f"the master {self.master!r} of Sentinel"
        return " or ".join(str(address) for address in self.addresses)


def parse_redis_url(url: str, tls: Tls | None = None, sentinel: Login | None = None) -> RedisService:
    """Reads `redis://`, `rediss://` (TLS), `valkey://`, `valkeys://`, each of them with `+sentinel`, or `unix://`.

    Hosts are separated by commas. The query knows `db`, the number of the database, and what redis-py calls
    `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile` and `ssl_check_hostname`.

    Args:
        url: The URL; its credentials are those of Redis.
        tls: Files that stand before those of the URL.
        sentinel: As whom to speak to Sentinels.

    Raises:
        ValueError: The URL cannot be read. The message says why and repeats nothing of it, since any part of one that
            is written wrongly may be a password.
    """
    try:
        parts = urlsplit(url)
        scheme, is_sentinel = parts.scheme.removesuffix(_SENTINEL), parts.scheme.endswith(_SENTINEL)
        if scheme not in _TLS_OF or (is_sentinel and scheme == "unix"):
            _refuse("its scheme is not known")
        if scheme != "unix" and not parts.netloc and parts.path:
            _refuse("two slashes are missing behind its scheme")
        if parts.fragment or "#" in url:
            _refuse("a `#` in a password is written as `%23`")
        return _service(parts, _TLS_OF[scheme], is_sentinel, tls or Tls(), sentinel or Login())
    except _Unreadable as problem:
        reason = str(problem)
    except ValueError:
        reason = "a host or a port is none"
    # Not chained: what the standard library says may quote the password.
    raise ValueError(f"the URL of Redis cannot be read: {reason}; it looks like {EXAMPLES}")


class _Unreadable(ValueError):  # noqa: N818 - never leaves this module
    """Why a URL cannot be read, in words that hold nothing of it."""


def _refuse(reason: str) -> NoReturn:
    raise _Unreadable(reason)


def _service(parts: SplitResult, has_tls: bool, is_sentinel: bool, given: Tls, sentinel: Login) -> RedisService:
    options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if not set(options) <= set(_OPTIONS):
        _refuse(f"its query knows {', '.join(f'`{name}`' for name in _OPTIONS)}, and a `?` in a password is `%3F`")
    tls = _tls(options, given) if has_tls else None
    if not has_tls and (given != Tls() or any(name.startswith("ssl_") for name in options)):
        _refuse("it has no TLS to use certificates with: that is `rediss://` or `rediss+sentinel://`")
    user, _, hosts = parts.netloc.rpartition("@")
    login = _login(user)
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            _refuse("the path of the socket is missing")
        database = _database(options.get("db", "0"))
        return RedisService(addresses=(RedisAddress(path=unquote(parts.path), database=database, login=login),))
    where = parts.path.strip("/").split("/") if parts.path.strip("/") else []
    master = unquote(where.pop(0)) if is_sentinel and where else ""
    if is_sentinel and not master:
        _refuse("the name that Sentinels know the master by is missing behind the hosts")
    if len(where) > 1:
        _refuse("its path has too many parts")
    database = _database(options.get("db", where[0] if where else "0"))
    server = RedisAddress(database=database, login=login, tls=tls)
    if is_sentinel:
        watched = RedisAddress(login=sentinel, tls=tls)
        found = tuple(_addresses(hosts, watched, _SENTINEL_PORT))
        return RedisService(addresses=found, master=master, server=server)
    return RedisService(addresses=tuple(_addresses(hosts, server, _PORT)), server=server)


def _addresses(hosts: str, like: RedisAddress, port: int) -> Iterator[RedisAddress]:
    for host in hosts.split(","):
        parts = urlsplit(f"//{host}")
        if "," in hosts and not parts.hostname:
            _refuse("a host is missing beside a comma")
        yield msgspec.structs.replace(like, host=parts.hostname or "localhost", port=parts.port or port)


def _login(user: str) -> Login:
    name, _, password = user.partition(":")
    return Login(unquote(name) or None, Secret(unquote(password)) if password else None)


def _database(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        _refuse("the database is no number, and a `/` in a password is `%2F`")
    return int(text)


def _tls(options: Mapping[str, str], given: Tls) -> Tls:
    said = options.get("ssl_check_hostname", "true").lower()
    if said not in _TRUTHS:
        _refuse("`ssl_check_hostname` is `true` or `false`")
    tls = Tls(
        given.ca or options.get("ssl_ca_certs"),
        given.certificate or options.get("ssl_certfile"),
        given.key or options.get("ssl_keyfile"),
        _TRUTHS[said],
    )
    if tls.key and not tls.certificate:
        _refuse("a key has no certificate")
    return tls
