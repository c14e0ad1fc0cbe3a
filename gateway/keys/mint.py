"""Making new virtual keys."""

from gateway.ids import secure_ulid
from gateway.keys.virtual_key import ENVIRONMENTS, PREFIX_OF
from gateway.secret import Secret


def mint(environment: str) -> Secret:
    """A new secret, its 80 random bits from the operating system's CSPRNG. Raises `ValueError`."""
    if environment not in ENVIRONMENTS:
        msg = f"the environment is one of {', '.join(ENVIRONMENTS)}"
        raise ValueError(msg)
    return Secret(PREFIX_OF[environment] + secure_ulid())
