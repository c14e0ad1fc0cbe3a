"""Whom upstreams' certificates are checked against."""

import functools
import ssl

import certifi


@functools.cache
def client_context() -> ssl.SSLContext:
    """TLS 1.2 or newer; trusts what the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` too) and Mozilla's list.

    Mozilla's list serves images without certificates of their own; a company's authority comes in through the system.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context
