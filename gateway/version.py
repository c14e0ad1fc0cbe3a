"""The version of this build, shown by `gateway version` and by the `X-LangWatch-Gateway-Version` header."""

__version__ = "0.1.0"

BUILD = "compiled" if __file__.endswith(".so") else "pure Python"
"""Whether the modules of the request path run compiled; this one is among them, and tells for all."""
