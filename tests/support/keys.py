"""Virtual keys for tests, hashed under the development pepper."""

from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash
from gateway.keys.mint import mint

PEPPER = Pepper(DEVELOPMENT_PEPPER)


def new_key() -> tuple[str, str]:
    """A secret of environment `test`, and its hash."""
    secret = mint("test").reveal()
    return secret, format_hash(PEPPER.digest(secret))


SECRET, HASH = (
    "lw_vk_test_01K00000000000000000000000",
    format_hash(PEPPER.digest("lw_vk_test_01K00000000000000000000000")),
)
