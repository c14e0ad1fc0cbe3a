"""Secrets at rest: encrypted under keys that are not in the database (Fernet, https://github.com/fernet/spec)."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, Engine, or_, select, update

from gateway import private_files
from gateway.storage.tables import changes, kept_answers, minted_secrets, resources

KEY_FILE_ENDING: Final = ".encryption-key"
_HOW: Final = "`gateway control-plane generate-key` makes a key; GATEWAY_ENCRYPTION_KEYS holds it"


class EncryptionError(Exception):
    """Secrets cannot be sealed or unsealed; the message says which setting to mend and holds no key."""


class Vault:
    """Seals and unseals. Without keys it holds as long as there is nothing to seal."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        """Raises `EncryptionError` for what is no key."""
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None
        except ValueError:
            raise EncryptionError(f"GATEWAY_ENCRYPTION_KEYS holds something that is no key; {_HOW}") from None

    def seal(self, secrets: Mapping[str, str]) -> str:
        """Text that only this vault reads; nothing for nothing."""
        return self.seal_bytes(msgspec.json.encode(secrets)) if secrets else ""

    def unseal(self, sealed: str) -> dict[str, str]:
        """What was sealed. Raises `EncryptionError`."""
        return msgspec.json.decode(self.unseal_bytes(sealed), type=dict[str, str]) if sealed else {}

    def seal_bytes(self, content: bytes) -> str:
        """The same for any bytes. Raises `EncryptionError` where there is no key."""
        return self._keys().encrypt(content).decode()

    def unseal_bytes(self, sealed: str) -> bytes:
        """Raises `EncryptionError` for what none of the keys sealed."""
        try:
            return self._keys().decrypt(sealed.encode())
        except (InvalidToken, ValueError):
            raise EncryptionError(
                "a secret was encrypted under a key that is not there: GATEWAY_ENCRYPTION_KEYS has to keep every key "
                "until `gateway control-plane rotate-encryption` has been run with its successor in front"
            ) from None

    def renew(self, sealed: str) -> str:
        """The same secrets under the first key."""
        return self.seal_bytes(self.unseal_bytes(sealed)) if sealed else ""

    def _keys(self) -> MultiFernet:
        if self._fernet is None:
            raise EncryptionError(f"there are secrets to keep and no key to encrypt them under: {_HOW}")
        return self._fernet


def generate_key() -> str:
    """A new key."""
    return Fernet.generate_key().decode()


def open_vault(configured: str | None, engine: Engine, *, makes_key: bool = True) -> Vault:
    """The vault of a database: with the configured keys, else, for SQLite, with a key file beside the database.

    A key file that is not there is made, or else nothing can be sealed and unsealed.

    Raises `EncryptionError`.
    """
    if configured is not None:
        return Vault(tuple(key.strip() for key in configured.split(",") if key.strip()))
    if engine.url.get_backend_name() != "sqlite" or engine.url.database is None:
        return Vault(())
    file = Path(engine.url.database + KEY_FILE_ENDING)
    return Vault((_key_of_file(file),)) if makes_key or file.exists() else Vault(())


def rotate(connection: Connection, vault: Vault) -> int:
    """Encrypts every secret under the first key, in the caller's transaction; returns how many resources have any."""
    sealed = or_(resources.c.sealed != "", resources.c.applied_sealed != "")
    rows = connection.execute(select(resources).where(sealed)).mappings().all()
    for row in rows:
        key = (resources.c.kind == row["kind"]) & (resources.c.name == row["name"])
        applied = row["applied_sealed"]
        members = {"sealed": vault.renew(row["sealed"]), "applied_sealed": applied and vault.renew(applied)}
        connection.execute(update(resources).where(key).values(members))
    for was in connection.execute(select(changes).where(changes.c.sealed != "")).all():
        mine = (changes.c.revision == was.revision) & (changes.c.kind == was.kind) & (changes.c.name == was.name)
        connection.execute(update(changes).where(mine).values(sealed=vault.renew(was.sealed)))
    for minted in connection.execute(select(minted_secrets)).all():
        of_plan = minted_secrets.c.plan_id == minted.plan_id
        connection.execute(update(minted_secrets).where(of_plan).values(sealed=vault.renew(minted.sealed)))
    for kept in connection.execute(select(kept_answers)).all():
        mine = (kept_answers.c.token_id == kept.token_id) & (kept_answers.c.idempotency_key == kept.idempotency_key)
        connection.execute(update(kept_answers).where(mine).values(sealed=vault.renew(kept.sealed)))
    return len(rows)


def _key_of_file(file: Path) -> str:
    """Made once, readable by its owner only; of two processes that make it together, one wins."""
    private_files.tighten(file)
    with suppress(FileNotFoundError):
        return file.read_text().strip()
    temporary = private_files.beside_of(file)
    try:
        with os.fdopen(private_files.make_new(temporary), "w") as opened:
            opened.write(generate_key() + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            os.link(temporary, file)
        return file.read_text().strip()
    except OSError as error:
        raise EncryptionError(f"the encryption key {file} cannot be made: {error.strerror}; {_HOW}") from None
    finally:
        temporary.unlink(missing_ok=True)
