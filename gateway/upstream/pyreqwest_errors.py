"""pyreqwest's exceptions, each with what it means to the rest of the house. A test proves the table complete."""

from collections.abc import Mapping
from typing import Final

from pyreqwest import exceptions

from gateway.upstream.failure import FailureKind, UpstreamFailure

KINDS: Final[Mapping[type[exceptions.PyreqwestError], FailureKind]] = {
    exceptions.ConnectTimeoutError: FailureKind.TIMEOUT,
    exceptions.ReadTimeoutError: FailureKind.TIMEOUT,
    exceptions.WriteTimeoutError: FailureKind.TIMEOUT,
    exceptions.PoolTimeoutError: FailureKind.TIMEOUT,
    exceptions.RequestTimeoutError: FailureKind.TIMEOUT,
    exceptions.ConnectError: FailureKind.CONNECT,
    exceptions.ReadError: FailureKind.NETWORK,
    exceptions.WriteError: FailureKind.NETWORK,
    exceptions.NetworkError: FailureKind.NETWORK,
    exceptions.TransportError: FailureKind.NETWORK,
    exceptions.ClientClosedError: FailureKind.NETWORK,
    exceptions.JSONDecodeError: FailureKind.PROTOCOL,
    # Nothing is ever decoded here, so this is a body that broke off.
    exceptions.BodyDecodeError: FailureKind.NETWORK,
    exceptions.DecodeError: FailureKind.PROTOCOL,
    exceptions.RedirectError: FailureKind.PROTOCOL,
    exceptions.StatusError: FailureKind.PROTOCOL,
    exceptions.RequestPanicError: FailureKind.PROTOCOL,
    exceptions.RequestError: FailureKind.NETWORK,
    exceptions.BuilderError: FailureKind.PROTOCOL,
    exceptions.DetailedPyreqwestError: FailureKind.NETWORK,
    exceptions.PyreqwestError: FailureKind.NETWORK,
}


def translate(error: exceptions.PyreqwestError) -> UpstreamFailure:
    """The failure in our own words; the most specific row of the table decides."""
    kind = next(KINDS[type_] for type_ in type(error).__mro__ if type_ in KINDS)
    causes = _causes(error)
    if kind is FailureKind.CONNECT and _CONNECTING not in causes:
        # pyreqwest also says so of a connection that broke after the request went out.
        kind = FailureKind.NETWORK
    return UpstreamFailure(kind, (causes[-1] if causes else error.message)[:200])


_CONNECTING = "client error (Connect)"


def _causes(error: exceptions.PyreqwestError) -> list[str]:
    """What lies behind an error, the innermost last."""
    details = getattr(error, "details", None)
    causes = details.get("causes") if isinstance(details, dict) else None
    return [str(cause["message"]) for cause in causes or ()]
