"""What the stages ask of a request body, whatever its form."""

from collections.abc import Collection, Generator, Hashable, Iterator, Mapping
from typing import Any, Final, Protocol

from gateway.wire.json_splice import Splice
from gateway.wire.url_sieve import UrlSieve
from gateway.wire.urls import UrlPlaces


class Glance:
    """What one look at a whole body has told (`gateway.shapes.glance`). Immutable.

    `is_plain` says that nothing stands in it, beyond tools and the like that are known from earlier bodies, by which
    more could be declared or a field be a URL, and no media. Only then the others count: whether what is known has such
    fields, or URLs in any string (`has_urls`), the `flags` that the body sets, those that it sets beyond what is known
    (`own_flags`), whether the rest of it may have URLs (`may_have_own_urls`), and how many bytes of what is known are
    `dense` and `wide` to an estimate. Without `has_state` it names nothing that a provider keeps, and has nothing in it
    that the gateway has sealed. There is one of these for each text that lasts and each of what the rest says, so that
    whoever found something out about that text can remember it by this.
    """

    __slots__ = (
        "dense",
        "flags",
        "has_state",
        "has_url_fields",
        "has_urls",
        "is_plain",
        "may_have_own_urls",
        "own_flags",
        "wide",
    )

    def __init__(
        self,
        *,
        is_plain: bool,
        has_state: bool = True,
        has_url_fields: bool = True,
        has_urls: bool = True,
        flags: int = 0,
        own_flags: int = 0,
        may_have_own_urls: bool = True,
        dense: int = 0,
        wide: int = 0,
    ) -> None:
        self.is_plain: Final = is_plain
        self.has_state: Final = has_state
        self.has_url_fields: Final = has_url_fields
        self.has_urls: Final = has_urls
        self.flags: Final = flags
        self.own_flags: Final = own_flags
        self.may_have_own_urls: Final = may_have_own_urls
        self.dense: Final = dense
        self.wide: Final = wide


NOT_PLAIN: Final = Glance(is_plain=False)
"""What everything has to be looked for in."""


class RequestBody(Protocol):
    """Read-only facts of a body, and the splices that may be made in it. `data` is what the client sent, inflated.

    `names` are those of its top-level fields; of a form, only of those that it is judged by. `has_doubtful_names` says
    that `is_ambiguous` may hold for some name. `telling` and `glance` are left to those who
    look for what a body declares: what they found of its conversation, and of all of it.
    """

    data: bytes
    model: str | None
    stream: bool
    names: Collection[str]
    has_doubtful_names: bool
    telling: bool | None
    glance: Glance | None

    def decoded(self, name: str) -> Any:
        """The value of a top-level field as plain data, `None` when it is not there. Raises `bad_request`."""

    def raw(self, name: str) -> bytes | None:
        """The bytes of a top-level value as they stand, `None` when it is not there."""

    def size(self, name: str) -> int:
        """How many bytes a top-level value has, 0 when it is not there."""

    def is_ambiguous(self, name: str) -> bool:
        """Whether a top-level name stands twice, in whatever case, or only in another case than its own."""

    def document(self) -> dict[str, Any]:
        """The whole body as plain data, for translation. Raises `bad_request`."""

    def fingerprint(self, names: Mapping[str, bytes]) -> Hashable | None:
        """What stands under these names, by name with its quotes; `None` where that is not plain to see.

        Equal bytes have equal fingerprints.
        """

    def parted(self, names: Mapping[str, bytes]) -> tuple[bytes, bytes] | None:
        """The text without the top-level members of these names, and those members; `None` as for `fingerprint`."""

    def may_have_urls(self, places: UrlPlaces) -> bool:
        """Whether `urls` may find anything: for a short body, one look says so."""

    def urls(
        self, places: UrlPlaces, sieve: UrlSieve | None = None, passed: set[bytes] | None = None
    ) -> Iterator[tuple[int, str, bool] | None]:
        """Every http(s) URL in any string that a sieve does not let pass, and whatever stands where the API wants one.

        An offset within the string, the URL, whether it is certain; `None` between two steps of the work. What was in
        `passed` before is left out, and what is told, and after which the next is asked for, is added.
        """

    def path_at(self, offset: int) -> Generator[None, None, str]:
        """The JSON path of what stands at an offset, such as `messages[0].content`; in steps."""

    def replacing_model(self, model: str) -> list[Splice]:
        """What puts another model in the place of the one that the body names."""

    def removing(self, name: str) -> list[Splice]:
        """What takes a top-level field out; nothing when it is not there."""

    def asking_for_usage(self) -> list[Splice]:
        """What makes a stream report its usage; nothing when the body says itself whether it shall."""
