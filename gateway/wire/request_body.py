"""What the stages ask of a request body, whatever its form."""

from collections.abc import Generator, Hashable, Iterator
from typing import Any, Protocol

from gateway.wire.json_splice import Splice
from gateway.wire.urls import UrlPlaces


class RequestBody(Protocol):
    """Read-only facts of a body, and the splices that may be made in it. `data` is what the client sent, inflated.

    `has_doubtful_names` says that `is_ambiguous` may hold for some name. `telling` is left to those who look
    for what a body declares: what they found of its conversation.
    """

    data: bytes
    model: str | None
    stream: bool
    has_doubtful_names: bool
    telling: bool | None

    def decoded(self, name: str) -> Any:
        """The value of a top-level field as plain data, `None` when it is not there. Raises `bad_request`."""

    def raw(self, name: str) -> bytes | None:
        """The bytes of a top-level value as they stand, `None` when it is not there."""

    def is_ambiguous(self, name: str) -> bool:
        """Whether a top-level name stands twice, in whatever case, or only in another case than its own."""

    def states_any(self, names: frozenset[str]) -> bool:
        """Whether one of these names stands at the top."""

    def document(self) -> dict[str, Any]:
        """The whole body as plain data, for translation. Raises `bad_request`."""

    def fingerprint(self, names: frozenset[str]) -> Hashable | None:
        """What stands under these names, `None` when nothing does; equal bytes have equal fingerprints."""

    def may_have_urls(self, places: UrlPlaces) -> bool:
        """Whether `urls` may find anything: for a short body, one look says so."""

    def urls(self, places: UrlPlaces) -> Iterator[tuple[int, str, bool] | None]:
        """Every http(s) URL in any string, and whatever stands where the API wants one.

        The offset at which the string begins, the URL, whether it is certain; `None` between two steps of the work.
        """

    def path_at(self, offset: int) -> Generator[None, None, str]:
        """The JSON path of what stands at an offset, such as `messages[0].content`; in steps."""

    def replacing_model(self, model: str) -> list[Splice]:
        """What puts another model in the place of the one that the body names."""

    def removing(self, name: str) -> list[Splice]:
        """What takes a top-level field out; nothing when it is not there."""

    def asking_for_usage(self) -> list[Splice]:
        """What makes a stream report its usage; nothing when the body says itself whether it shall."""
