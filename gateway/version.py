"""The version of this build, shown by `gateway version` and by the `X-LangWatch-Gateway-Version` header."""

__version__ = "0.1.0"
