"""Checks on credentials: secrets in clear, virtual keys in their place, ends of keys, secrets that two keys share."""

import re
from collections.abc import Iterator
from typing import Final

from gateway.config.diagnostics import Severity
from gateway.config.field_tree import tree_of_file
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.model import Config
from gateway.config.packed_keys import key_secrets
from gateway.config.sections.base import Section
from gateway.keys.virtual_key import PREFIX
from gateway.secret import Secret

SECRET_SECTIONS: Final = tuple(
    name for name, one in tree_of_file().members.items() if one.only(lambda field: field.is_secret) is not None
)
"""Sections in which something is kept secret."""
_OF_ANOTHER_TOOL: Final = re.compile(
    r"(?:Bearer )?(?:\$([A-Z_][A-Z0-9_]*)|os\.environ/(\w+)|env\.(\w+)|\{\{ ?(\w+) ?\}\}|%([A-Z_][A-Z0-9_]*)%)"
)
_SECRET_HEADERS = ("authorization", "key", "token", "secret", "cookie", "password")


def secrets_in_clear(config: Config, facts: Facts) -> Iterator[Checked]:
    """Credentials that a reader of the file can see."""
    severity = Severity.ERROR if facts.strict else Severity.WARNING
    hint = "Write ${env:NAME}, ${file:PATH} or ${runtime-env:NAME} in its place, and replace the credential."
    for path, secret in credentials(config):
        if path not in facts.hidden and (meant := _OF_ANOTHER_TOOL.fullmatch(secret.reveal())) is not None:
            message = "this is how other tools write a reference; here it would be the credential itself"
            name = next(one for one in meant.groups() if one)
            yield Checked(Finding("reference-syntax", message, path, f"Did you mean ${{env:{name}}}?"))
        elif path not in facts.hidden and (path[-2] != "headers" or _may_be_secret(path[-1])):
            message = f"the credential {'.'.join(path[2:])} stands in the file"
            yield Checked(Finding("secret-in-clear", message, path, hint), severity)


def virtual_keys_as_credentials(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Virtual keys where a provider's own credential belongs: both are often in a variable of the same name.

    Behind an address of its own there may be another gateway, which takes virtual keys.
    """
    hint = "Where the gateway, `plan` or `apply` runs, the variable has the provider's own key; clients have the other."
    for path, secret in credentials(config):
        if PREFIX in secret.reveal():
            provider = config.providers.get(path[1]) if path[0] == "providers" else None
            if provider is not None and provider.type == "custom":
                continue
            elsewhere = provider is not None and provider.base_url is not None
            message = f"the credential {'.'.join(path[2:])} is a virtual key, which clients present to a gateway"
            severity = Severity.WARNING if elsewhere else Severity.ERROR
            yield Checked(Finding("virtual-key-as-credential", message, path, hint), severity)


def credentials(config: Config) -> Iterator[tuple[tuple[str, ...], Secret]]:
    """Every value that is kept secret, with its path."""
    for section in SECRET_SECTIONS:
        yield from _secrets(getattr(config, section), (section,))


def _secrets(value: object, at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Secret]]:
    if isinstance(value, Secret):
        yield at, value
    elif isinstance(value, Section):
        for field in type(value).model_fields:
            yield from _secrets(getattr(value, field), (*at, field))
    elif isinstance(value, dict):
        for field, inner in value.items():
            yield from _secrets(inner, (*at, str(field)))


def _may_be_secret(header: str) -> bool:
    return any(word in header.lower() for word in _SECRET_HEADERS)


def key_life(config: Config, facts: Facts) -> Iterator[Checked]:
    """Keys that have ended, and rotations that do not end."""
    for name, key in config.virtual_keys.items():
        at = ("virtual_keys", name)
        if key.expires_at is not None and key.expires_at <= facts.now:
            message = f"the key {name} expired on {key.expires_at.isoformat()}"
            hint = "Move the date, or remove the key."
            yield Checked(Finding("key-expired", message, (*at, "expires_at"), hint), Severity.WARNING)
        if (key.previous_secret_hash is None) != (key.previous_secret_expires_at is None):
            hint = "Give both previous_secret_hash and previous_secret_expires_at, or neither."
            yield Checked(Finding("rotation-without-end", "a rotation is only half written", at, hint, True))


def keys_without_secret(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Keys that nobody could present, unless a control plane mints their secrets; a file with an owner is for one."""
    if config.owner is not None:
        return
    for key in key_secrets(config.virtual_keys):
        if key.secret_hash is None:
            message = (
                f"the key {key.name} has no secret_hash; only a control plane, for which the file needs an owner, "
            )
            hint = "Make one: gateway keys mint NAME --write FILE."
            path = ("virtual_keys", key.name)
            yield Checked(
                Finding("key-without-secret", message + "mints it at apply", path, hint, True), Severity.WARNING
            )


def secrets_of_no_key(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Hashes on the lines of people that no class makes a key for; else they stand at the key by now."""
    for name, one in config.principals.items():
        if one.secret_hash is not None or one.previous_secret_hash is not None:
            message = f"no class makes a key for {name}, so nothing takes this hash"
            hint = "A class with for_each makes one, unless a key of that name is written: then the hash belongs there."
            yield Checked(Finding("secret-of-no-key", message, ("principals", name), hint, True))


def duplicate_secrets(config: Config, _facts: Facts) -> Iterator[Checked]:
    """Secrets that more than one key would answer to."""
    owners: dict[str, str] = {}
    for key in key_secrets(config.virtual_keys):
        for field, digest in (("secret_hash", key.secret_hash), ("previous_secret_hash", key.previous_secret_hash)):
            if digest is None:
                continue
            owner = owners.setdefault(digest, key.name)
            if owner != key.name or (field == "previous_secret_hash" and digest == key.secret_hash):
                message = (
                    f"{key.name} has the same secret as {owner}"
                    if owner != key.name
                    else f"the previous secret of {key.name} is its present one"
                )
                hint = "Mint a secret of its own: `gateway keys mint`."
                yield Checked(Finding("duplicate-secret", message, ("virtual_keys", key.name, field), hint))
