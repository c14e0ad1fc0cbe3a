"""Every error that the control plane's API answers with: type, status, and when it is raised, in one table."""

from collections.abc import Mapping
from typing import Final

import msgspec

API_ERROR_TYPES: Final[Mapping[str, tuple[int, str]]] = {
    "bad_request": (400, "A parameter, a path or a body cannot be read; `param` names it."),
    "invalid_token": (401, "The token is missing, unknown, expired or revoked."),
    "insufficient_scope": (403, "The token's scope does not cover what is asked."),
    "not_found": (404, "There is nothing at this path, or no such thing."),
    "method_not_allowed": (405, "The path exists, but not for this method."),
    "payload_too_large": (413, "The body is larger than the API reads."),
    "unsupported_media_type": (415, "The body's media type is not one that the API reads."),
    "conflict": (409, "What is asked does not fit what is there; nothing was changed."),
    "stale_plan": (409, "The control plane moved since the plan was made, or the plan is too old."),
    "locked": (409, "Somebody else applies at this moment."),
    "precondition_failed": (412, "The resource is not at the revision of `If-Match`."),
    "guard": (422, "The plan needs a flag that was not given, or deletes what is protected."),
    "encryption_error": (503, "Secrets cannot be read or kept: a key is missing."),
    "internal_error": (500, "A defect; the log has the details under the id in the message."),
    "too_slow": (503, "The answer takes longer to find than it may; ask for less."),
    "database_unavailable": (503, "The database does not answer; try again later."),
}


class ApiError(Exception):
    """A refusal or a failure that the caller of the API is told about, in the one envelope of all errors.

    Args:
        type_: A row of `API_ERROR_TYPES`; it decides the HTTP status.
        message: What is wrong and how to mend it; never a secret.
        code: A stable, finer name; the type where there is none.
        param: The parameter at fault.
        headers: Response headers of this error.
    """

    def __init__(
        self,
        type_: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.type = type_
        self.status = API_ERROR_TYPES[type_][0]
        self.message = message
        self.code = code or type_
        self.param = param
        self.headers = headers or {}

    def envelope(self) -> bytes:
        """The JSON body: `{"error": {"type", "code", "message"}}`, with `param` where one is at fault."""
        error = {"type": self.type, "code": self.code, "message": self.message}
        if self.param is not None:
            error["param"] = self.param
        return msgspec.json.encode({"error": error})
