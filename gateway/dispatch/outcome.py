"""What an upstream's status means for the client: pass it on, or answer for the provider. One table."""

import enum
import math

from gateway.errors import GatewayError
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers

_RETRY_HEADERS = ("retry-after", "retry-after-ms")


class Outcome(enum.Enum):
    """How the gateway takes an upstream's status."""

    SUCCESS = enum.auto()
    CLIENT_FAULT = enum.auto()
    CREDENTIAL_REFUSED = enum.auto()
    SERVER_FAULT = enum.auto()
    REDIRECT = enum.auto()


def classify(status: int) -> Outcome:
    """The meaning of a status code.

    401, 402 and 403 speak of the gateway's own account, not of the client's request; every other 4xx is the client's to
    read.
    """
    if 200 <= status < 300:  # noqa: PLR2004 - the classes of RFC 9110, section 15
        return Outcome.SUCCESS
    if status in (401, 402, 403):
        return Outcome.CREDENTIAL_REFUSED
    if 400 <= status < 500:  # noqa: PLR2004
        return Outcome.CLIENT_FAULT
    return Outcome.REDIRECT if status < 400 else Outcome.SERVER_FAULT  # noqa: PLR2004


def trigger_of_status(status: int) -> str | None:
    """What a status may trigger, in the words of `fallback.on`; `None` where it is final whatever the file says."""
    if status == 429:  # noqa: PLR2004 - RFC 6585, section 4
        return "rate_limit"
    if status == 404:  # noqa: PLR2004 - RFC 9110, section 15.5.5
        return "not_found"
    return "5xx" if status >= 500 else None  # noqa: PLR2004 - RFC 9110, section 15.6


def trigger_of_failure(failure: UpstreamFailure) -> str:
    """What a call without answer triggers, in the same words."""
    return "timeout" if failure.kind is FailureKind.TIMEOUT else "network_error"


def circuits_open(retry_after_s: float) -> GatewayError:
    """The error for a request all of whose candidates are left alone at present."""
    return GatewayError(
        "circuit_open",
        "Every provider that could answer has failed too often and is left alone for a while; try again.",
        headers={"retry-after": str(max(1, math.ceil(retry_after_s)))},
    )


def answer_for(outcome: Outcome, provider: str, status: int, headers: Headers) -> GatewayError:
    """The gateway's own error in place of an answer that is not the client's to read."""
    meta = {"provider": provider, "upstream_status": status}
    if outcome is Outcome.CREDENTIAL_REFUSED:
        return GatewayError(
            "provider_error",
            f"The provider {provider} answered {status} to the gateway's own credential; mend the account or the key "
            f"of `providers.{provider}`.",
            code="provider_credential_refused",
            headers={"x-should-retry": "false"},
            meta=meta,
        )
    if outcome is Outcome.REDIRECT:
        return GatewayError(
            "provider_error",
            f"The provider {provider} answered {status}, a redirect, which the gateway never follows; check "
            f"`providers.{provider}.base_url`.",
            code="upstream_redirect",
            headers={"x-should-retry": "false"},
            meta=meta,
        )
    return GatewayError(
        "provider_error",
        f"The provider {provider} answered {status}.",
        code="upstream_server_error",
        headers={name: value for name, value in headers if name in _RETRY_HEADERS},
        meta=meta,
    )


def failed(failure: UpstreamFailure, provider: str) -> GatewayError:
    """The gateway's error for a call that brought no answer."""
    if failure.kind is FailureKind.TIMEOUT:
        return GatewayError("upstream_timeout", f"The provider {provider} did not answer: {failure.message}.")
    if failure.kind is FailureKind.CREDENTIAL:
        return GatewayError(
            "provider_error",
            f"There is no valid credential for the provider {provider}: {failure.message}.",
            code="provider_credential_unavailable",
            headers={"x-should-retry": "false"},
        )
    return GatewayError(
        "provider_error",
        f"The provider {provider} could not be reached: {failure.message}.",
        code=f"upstream_{failure.kind.value}_error",
    )
