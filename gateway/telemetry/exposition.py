"""What Prometheus scrapes, in the form that it asks for."""

import gzip
import hmac
from typing import Any, Final, NamedTuple

from prometheus_client import disable_created_metrics, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics_of

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus-client has no types here

_FASTEST = 1
_BEARER = "Bearer "


class Form(NamedTuple):
    """How it is asked for: as OpenMetrics or as text, by gzip or as it is."""

    open_metrics: bool = False
    gzip: bool = False

    def render(self, registry: Any) -> bytes:
        """What a registry collects."""
        write: Any = open_metrics_of if self.open_metrics else generate_latest
        data: bytes = write(registry)
        return gzip.compress(data, _FASTEST) if self.gzip else data

    def headers(self) -> dict[str, str]:
        """The header fields of such an answer."""
        return {
            "content-type": OPEN_METRICS_TYPE if self.open_metrics else CONTENT_TYPE,
            "vary": "accept, accept-encoding, authorization",
            **({"content-encoding": "gzip"} if self.gzip else {}),
        }


TEXT: Final = Form()
"""As text, as it is."""


def form_of(accept: str | None, accept_encoding: str | None) -> Form:
    """The form that these header fields of a scrape want."""
    return Form("application/openmetrics-text" in (accept or ""), "gzip" in (accept_encoding or ""))


def is_operator(authorization: str | None, token: str | None) -> bool:
    """Whether a scrape brings the token of operators; nobody does where there is none."""
    given, wanted = (authorization or "").encode(), f"{_BEARER}{token}".encode()
    return token is not None and hmac.compare_digest(given, wanted)
