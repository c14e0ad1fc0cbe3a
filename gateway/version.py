"""The version of this build, shown by `gateway version` and by the `X-LangWatch-Gateway-Version` header."""

import sys

__version__ = "0.2.0"

BUILD = "compiled" if __file__.endswith(".so") else "pure Python"
"""Whether the modules of the request path run compiled; this one is among them, and tells for all."""

PYTHON = ".".join(map(str, sys.version_info[:3]))


def told() -> str:
    """The version, and what it runs on."""
    return f"gateway {__version__} (Python {PYTHON}, {BUILD})"
