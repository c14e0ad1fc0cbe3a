"""What is said of a collector of traces, by the configuration or by OpenTelemetry's own variables."""

import msgspec

from gateway.secret import Secret


class CollectorSettings(msgspec.Struct, frozen=True):
    """A collector of the configuration.

    Args:
        endpoint: Its base URL.
        protocol: `http/protobuf` or `grpc`.
        headers: Names and values; the values are secret.
        sampling_ratio: The share of the traces that begin here, 0 to 1.
        also_to_default: Whether what it gets goes to the collector of the variables too.
    """

    endpoint: str
    protocol: str
    headers: tuple[tuple[str, Secret], ...] = ()
    sampling_ratio: float = 1.0
    also_to_default: bool = False

    def is_same_place(self, other: "CollectorSettings") -> bool:
        """Whether what is open for the other serves this one too."""
        return (self.endpoint, self.protocol, self.headers) == (other.endpoint, other.protocol, other.headers)


class Bounds(msgspec.Struct, frozen=True):
    """How many spans and bytes of content may wait, how many spans go at once, after how many seconds at the latest."""

    queue: int = 2048
    batch: int = 512
    delay_s: float = 5.0
    content_bytes: int = 32 * 1024 * 1024
