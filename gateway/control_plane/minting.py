"""Secrets of virtual keys, made by the control plane."""

from gateway.control_plane.planning import Mint
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash
from gateway.keys.mint import mint
from gateway.secret import Secret


def minting(pepper: str | None) -> Mint:
    """What makes a secret and its hash. Without a pepper of one's own, keys for tests only: it raises `ValueError`."""
    hashing = Pepper(pepper.encode() if pepper is not None else DEVELOPMENT_PEPPER)

    def make(environment: str) -> tuple[Secret, str]:
        if pepper is None and environment == "live":
            raise ValueError(
                "a live key is minted under a pepper of your own: set GATEWAY_KEY_PEPPER to the value that the "
                "gateways run with, give the key a secret_hash, or make it a key of environment `test`"
            )
        secret = mint(environment)
        return secret, format_hash(hashing.digest(secret.reveal()))

    return make
