"""What the functions behind the API refuse, as errors of the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.control_plane.edit import EditError
from gateway.control_plane.encryption import EncryptionError
from gateway.control_plane.errors import ApiError
from gateway.control_plane.planning import PlanError
from gateway.control_plane.state import LockedError, RevokedError

_TYPES: Final = {
    "not_found": "not_found",
    "invalid": "bad_request",
    "conflict": "conflict",
    "stale": "stale_plan",
    "guard": "guard",
    "protected": "guard",
    "foreign": "insufficient_scope",
    "precondition_failed": "precondition_failed",
}
"""The type of error for each code of a plan or an edit."""


@contextmanager
def as_api_errors() -> Iterator[None]:
    """Raises `ApiError` for everything that is known to go wrong inside."""
    try:
        yield
    except (PlanError, EditError) as error:
        code = "bound_token" if error.code == "foreign" else None
        raise ApiError(_TYPES[error.code], str(error), code=code) from None
    except RevokedError as error:
        raise ApiError("conflict", str(error)) from None
    except LockedError:
        raise ApiError("locked", "Somebody else applies at this moment; try again.") from None
    except EncryptionError as error:
        raise ApiError("encryption_error", str(error)) from None
