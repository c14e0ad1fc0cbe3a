"""Secrets of virtual keys, made by the control plane."""

from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash
from gateway.keys.mint import mint
from gateway.keys.virtual_key import ENVIRONMENTS
from gateway.secret import Secret


class Minter:
    """Makes a secret and its hash for a key of an environment; without a pepper of one's own, of `test` alone.

    Args:
        pepper: That of the gateways.
    """

    def __init__(self, pepper: str | None) -> None:
        self._hashing = Pepper(pepper.encode() if pepper is not None else DEVELOPMENT_PEPPER)
        self.environments = ENVIRONMENTS if pepper is not None else ("test",)
        """Those of the keys that it makes, the usual one first."""

    @property
    def fingerprint(self) -> str:
        """What tells the pepper that it hashes under from another."""
        return self._hashing.fingerprint

    def __call__(self, environment: str) -> tuple[Secret, str]:
        """A secret and its hash. Raises `ValueError`."""
        if environment in ENVIRONMENTS and environment not in self.environments:
            raise ValueError(
                f"a {environment} key is minted under a pepper of your own: set GATEWAY_KEY_PEPPER to the value that "
                "the gateways run with, or make it a key of environment `test`"
            )
        secret = mint(environment)
        return secret, format_hash(self._hashing.digest(secret.reveal()))
