"""Which virtual key is this, and may it be used now?"""

from collections.abc import Mapping

from gateway import clock
from gateway.errors import GatewayError
from gateway.keys.virtual_key import PREFIX, PREFIX_OF
from gateway.pipeline.exchange import Exchange
from gateway.snapshot.snapshot import KeyEntry

_PREFIX = PREFIX.encode()


def authenticate(exchange: Exchange) -> None:
    """Finds the key by the keyed hash of the secret presented; raises 401 or 403.

    The work done does not depend on whether the secret is well formed or known.
    """
    secret = presented_secret(exchange.header_map)
    entry = exchange.snapshot.authenticate(secret)
    if entry is None or not secret.startswith(PREFIX_OF[entry.key.environment]) or _was_rotated_away(entry):
        raise GatewayError("invalid_api_key", _INVALID if secret else _MISSING, headers={"www-authenticate": "Bearer"})
    key = entry.key
    exchange.key = key
    if key.state == "revoked":
        raise GatewayError("virtual_key_revoked", f"The virtual key {key.name} was revoked.")
    if key.state == "disabled":
        raise GatewayError("virtual_key_disabled", f"The virtual key {key.name} is disabled.")
    if key.expires_at is not None and clock.now() >= key.expires_at:
        raise GatewayError("virtual_key_expired", f"The virtual key {key.name} has expired.")


_MISSING = "No virtual key: send it as `Authorization: Bearer lw_vk_...`, as `x-api-key` or as `api-key`."
_INVALID = "The virtual key is not valid here; check for a cut-off copy, and that it is a key of this gateway."


def presented_secret(headers: Mapping[bytes, bytes]) -> str:
    """The secret in `Authorization: Bearer`, `x-api-key` or `api-key`; the empty string when there is none.

    Some SDKs send a placeholder in one header and the key in another, so the first value that looks like a virtual key
    wins over the first value.
    """
    authorization = headers.get(b"authorization", b"")
    bearer = authorization[7:].strip() if authorization[:7].lower() == b"bearer " else b""
    if bearer.startswith(_PREFIX):
        return bearer.decode("latin-1")
    for name in (b"x-api-key", b"api-key"):
        value = headers.get(name, b"").strip()
        if value.startswith(_PREFIX):
            return value.decode("latin-1")
        bearer = bearer or value
    return bearer.decode("latin-1")


def _was_rotated_away(entry: KeyEntry) -> bool:
    return entry.valid_until is not None and clock.now() >= entry.valid_until
