"""May this request pass? Whose it is, what its rules say of its body, and how its prompt-cache marks are treated."""

from collections.abc import Generator, Mapping

from gateway import clock
from gateway.errors import GatewayError
from gateway.keys.virtual_key import PREFIX, PREFIX_OF, environment_of
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.pipeline.states import Received
from gateway.shapes.glance import glance
from gateway.shapes.shape import Shape
from gateway.shapes.url_members import NO_URLS, URL_MEMBERS
from gateway.snapshot.snapshot import CompiledKey, KeyEntry
from gateway.wire.request_body import RequestBody

_PREFIX = PREFIX.encode()
_SWITCHED_OFF = (None, b"null", b"false")
_CACHE_MODES = ("respect", "disable", "force")


_KEY_HEADERS = (b"x-api-key", b"api-key", b"x-goog-api-key")
"""Where Anthropic's, Azure's and Google's clients send their key."""


def authenticate(received: Received, guesses: KeyGuesses) -> CompiledKey:
    """Finds the key by the keyed hash of the secret presented; raises 401 or 403, 429 for who guesses.

    The work done does not depend on whether the secret is well formed or known.
    """
    secret = presented_secret(received.header_map)
    entry = received.snapshot.authenticate(secret)
    if (
        entry is None
        or not (entry.is_imported or secret.startswith(PREFIX_OF[entry.key.environment]))
        or _was_rotated_away(entry)
    ):
        if entry is None and environment_of(secret) is not None:
            received.snapshot.tell_unknown_key()
        if secret:
            guesses.count(received.peer, received.headers)
        raise GatewayError("invalid_api_key", _INVALID if secret else _MISSING, headers={"www-authenticate": "Bearer"})
    key = received.trail.key = entry.key
    if key.state == "revoked":
        raise GatewayError("virtual_key_revoked", f"The virtual key {key.name} was revoked.")
    if key.state == "disabled":
        raise GatewayError("virtual_key_disabled", f"The virtual key {key.name} is disabled.")
    if key.expires_at is not None and clock.now() >= key.expires_at:
        raise GatewayError("virtual_key_expired", f"The virtual key {key.name} has expired.")
    return key


_MISSING = (
    "No virtual key: send it as `Authorization: Bearer lw_vk_...`, as `x-api-key`, `api-key` or `x-goog-api-key`; one "
    "in the URL is not read."
)
_INVALID = "The virtual key is not valid here; check for a cut-off copy, and that it is a key of this gateway."


def presented_secret(headers: Mapping[bytes, bytes]) -> str:
    """The secret in `Authorization: Bearer` or a header of `_KEY_HEADERS`; the empty string when there is none.

    Some SDKs send a placeholder in one header and the key in another, so the first value that looks like a virtual key
    wins over the first value.
    """
    authorization = headers.get(b"authorization", b"")
    bearer = authorization[7:].strip() if authorization[:7].lower() == b"bearer " else b""
    if bearer.startswith(_PREFIX):
        return bearer.decode("latin-1")
    for name in _KEY_HEADERS:
        value = headers.get(name, b"").strip()
        if value.startswith(_PREFIX):
            return value.decode("latin-1")
        bearer = bearer or value
    return bearer.decode("latin-1")


def _was_rotated_away(entry: KeyEntry) -> bool:
    return entry.valid_until is not None and clock.now() >= entry.valid_until


def judge(key: CompiledKey, shape: Shape, body: RequestBody) -> None:
    """Asks the policy rules about tools and MCP servers; does no work where the key has no rule.

    Raises `tool_not_allowed`, `bad_request` or `unsupported_parameter` for what cannot be judged;
    and `unsupported_parameter` for what the API has and the gateway does not serve.
    """
    for name, reason in shape.declares.refused.items():
        if body.raw(name) not in _SWITCHED_OFF:
            raise GatewayError("unsupported_parameter", reason, param=name)
    rules = key.judge
    if rules.has_declarations:
        rules.check_what_was_seen(shape, body, glance(shape, body))


def judge_urls(key: CompiledKey, shape: Shape, body: RequestBody) -> Generator[None, None, None] | None:
    """Asks the policy rules about URLs, in short steps: a body may hold a great many. `None`: nothing is to be asked.

    The steps raise `url_not_allowed`.
    """
    rules = key.judge
    if not rules.has_urls:
        return None
    seen = body.glance or glance(shape, body)
    places = NO_URLS if seen.is_plain and not seen.has_url_fields else URL_MEMBERS.get(shape.name, NO_URLS)
    if not body.may_have_urls(places):
        return None
    return rules.check_urls(body.urls(places, rules.url_sieve, rules.passed_urls), body.path_at)


def cache_mode(key: CompiledKey, headers: Mapping[bytes, bytes]) -> str:
    """The mode that `X-LangWatch-Cache` asks for, else the key's; raises `cache_override_invalid` for what is none."""
    asked = headers.get(b"x-langwatch-cache")
    if asked is None:
        return key.cache_mode
    mode = asked.strip().lower().decode("latin-1")
    if mode not in _CACHE_MODES:
        raise GatewayError(
            "cache_override_invalid",
            f"X-LangWatch-Cache is one of {', '.join(_CACHE_MODES)}.",
            param="X-LangWatch-Cache",
        )
    return mode
