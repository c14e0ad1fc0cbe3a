"""Why no usable answer came from an upstream, in five kinds that the rest of the house decides by."""

import enum


class FailureKind(enum.StrEnum):
    """What went wrong below HTTP, or before it: `CREDENTIAL` means that nothing was sent for want of one."""

    CONNECT = "connect"
    TIMEOUT = "timeout"
    NETWORK = "network"
    PROTOCOL = "protocol"
    CREDENTIAL = "credential"


class UpstreamFailure(Exception):  # noqa: N818 - a failure of the other side, not an error of ours
    """An upstream call that ended without a whole answer. The message names no secret and no header."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
