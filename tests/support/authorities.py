"""The certificate authorities that httpx trusts by default, read once: that takes longer than many a test."""

import os
import ssl
from functools import cache
from typing import Any

from httpx._transports import default

_read = default.create_ssl_context


def read_once() -> None:
    """Clients of this process, and of those that it forks, share one context where they ask for the default one."""
    default.create_ssl_context = _context
    _context()


def _context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    if verify is not True or cert is not None:
        return _read(verify, cert, trust_env)
    return _default(*(os.environ.get(name) if trust_env else None for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")))


@cache
def _default(*_named: str | None) -> ssl.SSLContext:
    """One for each place that the environment may name."""
    return _read(trust_env=any(_named))
