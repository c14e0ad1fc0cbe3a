"""Every error that the gateway itself makes: type, status, and when it is raised, in one table.

A provider's own 400, 404, 409, 413, 422 and 429 are not here: they reach the client as they came.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

ERROR_TYPES: Final[Mapping[str, tuple[int, str]]] = {
    "invalid_api_key": (401, "The virtual key is missing, malformed or unknown."),
    "virtual_key_revoked": (403, "The virtual key was revoked."),
    "virtual_key_disabled": (403, "The virtual key is switched off."),
    "virtual_key_expired": (403, "The virtual key's `expires_at` has passed."),
    "model_not_allowed": (403, "An allow list or a rule refuses the model."),
    "model_not_found": (404, "No provider of the key serves the model, or none serves it on this endpoint."),
    "tool_not_allowed": (403, "A policy rule refuses a tool or an MCP server that the request declares."),
    "url_not_allowed": (403, "A policy rule refuses a URL in the body."),
    "budget_exceeded": (402, "A budget that applies to the request is used up."),
    "end_user_required": (400, "A budget per end user applies and the request names nobody."),
    "rate_limit_exceeded": (429, "A rate limit of the key or of the provider is reached."),
    "bad_request": (400, "The request cannot be read without doubt."),
    "head_too_large": (431, "The request's head is larger than `GATEWAY_MAX_HEADER_BYTES`, or has over 100 fields."),
    "transfer_coding_unsupported": (501, "The body comes in another transfer coding than chunked."),
    "unsupported_parameter": (400, "A parameter has no counterpart at the provider."),
    "cache_override_invalid": (400, "`X-LangWatch-Cache` names no cache mode."),
    "not_found": (404, "There is nothing at this path."),
    "method_not_allowed": (405, "The path exists, but not for this method."),
    "request_timeout": (408, "The client was too slow in sending its body."),
    "payload_too_large": (413, "The body is larger than `GATEWAY_MAX_REQUEST_BODY_BYTES`."),
    "unsupported_media_type": (415, "The body's media type or encoding is not one that the endpoint reads."),
    "provider_error": (502, "Every candidate failed, or a provider refused the gateway's own credential."),
    "overloaded": (
        503,
        "It cannot be served now; `code`: `ledger_full`, `counters_unavailable`, `shutting_down`, or no memory for it.",
    ),
    "circuit_open": (503, "Every candidate's circuit is open."),
    "upstream_timeout": (504, "The provider did not answer in time."),
    "internal_error": (500, "A defect of the gateway; the log has the details under the request id."),
}


class Denial(msgspec.Struct, frozen=True):
    """Which of the operator's own rules refused a request.

    Args:
        by: `policy`, `limit` or `budget`.
        dimension: What was judged: `tools`, `mcp`, `urls`, `models`; a limit's dimension; the kind of a budget's scope.
        name: The rule set, the owner of the limit, or the budget; from the configuration, never from the request.
    """

    by: str
    dimension: str
    name: str


class GatewayError(Exception):
    """A refusal or a failure that the client is told about, in the one envelope of all errors.

    Args:
        type_: A row of `ERROR_TYPES`; it decides the HTTP status.
        message: What is wrong and how to mend it, for the engineer at the other end; never a secret.
        code: A stable, finer name; the type where there is none.
        param: The JSON path in the request body at fault, such as `tools[0].function.name`.
        headers: Response headers of this error, such as `Retry-After`.
        meta: Machine-readable details, added to the envelope as `meta`.
        denial: For metrics and the ledger, where a rule of the operator refused.
    """

    def __init__(
        self,
        type_: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        meta: Mapping[str, object] | None = None,
        denial: Denial | None = None,
    ) -> None:
        super().__init__(message)
        self.type = type_
        self.status = ERROR_TYPES[type_][0]
        self.message = message
        self.code = code or type_
        self.param = param
        self.headers = headers or {}
        self.meta = meta
        self.denial = denial

    def envelope(self, *, anthropic: bool) -> bytes:
        """The JSON body: `{"error": {...}}`, with `"type": "error"` on top where Anthropic's SDK expects it."""
        error: dict[str, object] = {
            "type": self.type,
            "code": self.code,
            "message": self.message,
            "param": self.param,
        }
        if self.meta:
            error["meta"] = self.meta
        body: dict[str, object] = {"type": "error", "error": error} if anthropic else {"error": error}
        return msgspec.json.encode(body)
