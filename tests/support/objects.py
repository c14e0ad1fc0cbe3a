"""What providers keep for keys, without a database."""

from collections.abc import Collection, Sequence

from gateway.ledger.stored_entry import StoredObject
from gateway.ledger.stored_objects import keep
from gateway.pipeline.services import SpooledFile
from gateway.storage.engine import open_engine, writing
from tests.support.gateway import Gateway


def adopt(gateway: Gateway, provider: str, *ids: str, key: str = "dev") -> None:
    """Makes ids at a provider a key's own, in the database beside the gateway."""
    engine = open_engine(f"sqlite:///{gateway.directory}/data/gateway.db")
    with writing(engine) as connection:
        keep(
            connection,
            [StoredObject(id=one, kind="any", virtual_key=key, provider=provider, created_at=0) for one in ids],
        )
    engine.dispose()


class Objects:
    """Every key has these ids, at one provider; what is remembered comes on top."""

    def __init__(self, provider: str = "", *ids: str) -> None:
        self._provider = provider
        self._ids = ids
        self.kept: list[StoredObject] = []

    def note(self, stored: Sequence[StoredObject]) -> None:
        self.kept += stored

    async def remember(self, stored: Sequence[StoredObject]) -> None:
        self.kept += stored

    async def find(self, virtual_key: str, ids: Collection[str]) -> dict[str, StoredObject]:
        return {
            one: StoredObject(id=one, kind="", virtual_key=virtual_key, provider=self._provider, created_at=0)
            for one in ids
            if one in self._ids
        }

    async def page(self, *_asked: object, **_more: object) -> Sequence[StoredObject]:
        return self.kept


class NoUploads:
    """Nothing is kept of what is uploaded."""

    async def take(self, *_asked: object) -> SpooledFile:
        raise AssertionError("nothing is uploaded here")

    async def keep(self, _form: object, *, is_part: bool) -> str:  # noqa: ARG002 - the interface's
        return ""

    async def open(self, _digest: str) -> None:
        return None


class NoJobs:
    """Nothing goes on after its request."""

    async def open(self, *_asked: object) -> None:
        raise AssertionError("nothing goes on here")

    async def began(self, *_asked: object) -> None: ...

    async def drop(self, _job: object) -> None: ...

    async def seen(self, _object_id: str) -> None: ...
