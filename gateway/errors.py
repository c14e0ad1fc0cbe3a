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
    "not_found": (404, "There is nothing at this path, or nothing of this id that is the key's."),
    "method_not_allowed": (405, "The path exists, but not for this method."),
    "websocket_unsupported": (426, "A WebSocket is asked for; the APIs are served over HTTP alone."),
    "request_timeout": (408, "The client was too slow in sending its body."),
    "payload_too_large": (
        413,
        "The body is larger than `GATEWAY_MAX_REQUEST_BODY_BYTES`, or an upload than `GATEWAY_MAX_UPLOAD_BYTES`.",
    ),
    "unsupported_media_type": (415, "The body's media type or encoding is not one that the endpoint reads."),
    "provider_error": (502, "Every candidate failed, or a provider refused the gateway's own credential."),
    "overloaded": (
        503,
        "It cannot be served now; `code`: one of those of this type below, or no memory.",
    ),
    "circuit_open": (503, "Every candidate's circuit is open."),
    "upstream_timeout": (504, "The provider did not answer in time."),
    "internal_error": (500, "A defect of the gateway; the log has the details under the request id."),
}

ERROR_CODES: Final[Mapping[str, tuple[str, str]]] = {
    "vk_rate_limit_exceeded": ("rate_limit_exceeded", "A limit of the virtual key."),
    "selected_rate_limit_exceeded": ("rate_limit_exceeded", "A set of `limits` that the request counts under."),
    "provider_rate_limit_exceeded": ("rate_limit_exceeded", "A limit of the provider, in the configuration."),
    "too_many_invalid_keys": (
        "rate_limit_exceeded",
        "Too many unknown keys came from the client's address within a minute (`GATEWAY_INVALID_KEYS_PER_MINUTE`).",
    ),
    "model_unpriced": ("model_not_allowed", "A `block` budget applies, and what the model costs is not known."),
    "unbounded_reference": (
        "bad_request",
        "A `block` budget applies, and the request points at more than it bounds.",
    ),
    "thread_unsupported_request": (
        "unsupported_parameter",
        "The provider keeps no threads of messages; `details` say so as Anthropic does, and its SDKs send all of it.",
    ),
    "end_user_invalid": ("bad_request", "The id of the end user cannot be one."),
    "ledger_full": ("overloaded", "The ledger's spool is full, or its disk: the database has been away for too long."),
    "counters_unavailable": ("overloaded", "Limits and budgets cannot be counted, and the request has some."),
    "state_unknown": ("overloaded", "Whose an id is cannot be told while the database is away; try again."),
    "uploads_full": (
        "overloaded",
        "The disk has no room for the upload, or uploads under way have all of their share.",
    ),
    "shutting_down": ("overloaded", "The gateway ends; another one, or the next, takes the request."),
    "provider_credential_refused": ("provider_error", "A provider refused the gateway's own credential."),
    "provider_credential_unavailable": ("provider_error", "There is no valid credential for the provider."),
    "upstream_redirect": ("provider_error", "A provider answered with a redirect, which is never followed."),
    "upstream_server_error": ("provider_error", "A provider answered with a 5xx, or with an error under status 200."),
    "upstream_connect_error": ("provider_error", "No connection to the provider."),
    "upstream_network_error": ("provider_error", "The connection to the provider broke."),
    "upstream_protocol_error": ("provider_error", "What the provider sent is no answer."),
    "upstream_mid_stream_failure": ("provider_error", "A stream broke off, or ended without its last event."),
    "upstream_untranslatable": ("provider_error", "The provider's answer cannot be said in the client's API."),
}
"""Codes that are finer than the type they belong to; where there is none, the code is the type."""

CODES: Final[Mapping[str, str]] = {
    **{name: name for name in ERROR_TYPES},
    **{name: type_ for name, (type_, _) in ERROR_CODES.items()},
}
"""Every code of an error, and its type."""


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
        details: What Anthropic's SDKs recover by, added to the envelope as `details`.
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
        details: Mapping[str, object] | None = None,
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
        self.details = details
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
        if self.details:
            error["details"] = self.details
        body: dict[str, object] = {"type": "error", "error": error} if anthropic else {"error": error}
        return msgspec.json.encode(body)


def sentence(reason: str) -> str:
    """A reason at the end of a message, with one full stop whether it brings its own or not."""
    return reason if reason.endswith((".", "!", "?", "…")) else f"{reason}."
