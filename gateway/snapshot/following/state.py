"""What a gateway has of its control plane: every resource at one revision, brought forward by what is new."""

from collections.abc import Mapping

import msgspec

from gateway.config.documents import ChangesDocument, ResourceDocument

Key = tuple[str, str]


class Followed(msgspec.Struct, frozen=True):
    """All resources of a control plane at one revision; `changed_at` is when it was made, in microseconds.

    `identity` is the revision's own, empty where the control plane gives it none. `keys_revision` is a newer revision,
    where the states of keys are those of it. `tells_owners` is not so of a copy that a version left which knew of no
    owners.
    """

    lineage: str
    revision: int
    changed_at: int
    resources: Mapping[Key, ResourceDocument]
    keys_revision: int | None = None
    identity: str = ""
    tells_owners: bool = True

    @property
    def known_lineage(self) -> str:
        """The control plane that is asked for what is new alone; none where everything is to be had anew."""
        return self.lineage if self.tells_owners else ""

    def brought_forward(self, news: ChangesDocument) -> "Followed":
        """This, with what is new."""
        return _with(news, {} if news.whole else self.resources)


NOTHING = Followed("", 0, 0, {})
"""Before a control plane was ever asked."""


def encode(followed: Followed) -> bytes:
    """How it is kept on disk, still to be encrypted."""
    at = followed.lineage, followed.revision, followed.changed_at
    whose = followed.identity, followed.tells_owners
    return msgspec.json.encode(ChangesDocument(*at, True, [*followed.resources.values()], [], *whose))


def decode(content: bytes) -> Followed:
    """What `encode` wrote. Raises `msgspec.DecodeError`."""
    kept = msgspec.json.decode(content, type=ChangesDocument)
    return msgspec.structs.replace(_with(kept, {}), tells_owners=kept.tells_owners)


def _with(news: ChangesDocument, before: Mapping[Key, ResourceDocument]) -> Followed:
    resources = dict(before)
    for key in news.gone:
        resources.pop(key, None)
    for one in news.resources:
        resources[one.kind, one.name] = one
    return Followed(news.lineage, news.revision, news.changed_at, resources, identity=news.identity)
