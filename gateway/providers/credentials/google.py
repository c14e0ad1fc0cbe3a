"""Google's access tokens: a service account's, or application default credentials (google-auth, an optional extra).

https://google-auth.readthedocs.io, https://cloud.google.com/docs/authentication/application-default-credentials.
"""

import importlib.util
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from gateway import clock
from gateway.providers.credentials.refreshing import NoToken, RefreshingSigner, Token
from gateway.secret import Secret

if TYPE_CHECKING:
    import httpx

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT_S: Final = 10.0
_UNKNOWN_END_S: Final = 600.0


def missing_extra() -> str | None:
    """What to install for Google's credentials, `None` when it is there."""
    try:
        found = importlib.util.find_spec("google.auth") is not None
    except ModuleNotFoundError:
        found = False
    return None if found else "Google credentials need google-auth: pip install '.[vertex]'"


def google_signer(document: Secret | None) -> RefreshingSigner:
    """A signer with the service account of a JSON document, or with what Google's default chain finds."""
    where = "the service account" if document is not None else "Google's application default credentials"
    return RefreshingSigner(_Fetch(document), where)


class _Fetch:
    """Finds the credentials once, and refreshes them at each call. Runs in a thread."""

    def __init__(self, document: Secret | None) -> None:
        self._document = document
        self._credentials: Any = None

    def __call__(self) -> Token:
        if self._credentials is None:
            self._credentials = self._find()
        self._credentials.refresh(_request)
        expiry = self._credentials.expiry
        ends = clock.now() + _UNKNOWN_END_S if expiry is None else expiry.replace(tzinfo=UTC).timestamp()
        return Token(str(self._credentials.token), ends)

    def _find(self) -> Any:
        missing = missing_extra()
        if missing is not None:
            raise NoToken(missing)
        from google.oauth2 import service_account  # noqa: PLC0415 - an optional extra

        if self._document is None:
            return _default()
        read: Any = service_account.Credentials.from_service_account_info
        return read(json.loads(self._document.reveal()), scopes=[_SCOPE])


def _default() -> Any:
    """What Google's chain finds: a file, workload identity, the metadata server."""
    import google.auth  # noqa: PLC0415 - an optional extra
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415

    transport: Any = _request
    try:
        return google.auth.default(scopes=[_SCOPE], request=transport)[0]
    except DefaultCredentialsError:
        # google-auth skips the metadata server in silence where it cannot import requests.
        if importlib.util.find_spec("requests") is None:
            message = "Google's application default credentials need requests: pip install 'google-auth[requests]'"
            raise NoToken(message) from None
        raise


class _Answer:
    """A response in the form that google-auth reads."""

    def __init__(self, response: "httpx.Response") -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.data = response.content


def _request(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout: float | None = None,
    **_more: Any,
) -> _Answer:
    """google-auth's transport, over the HTTP client that is there anyway."""
    import httpx  # noqa: PLC0415 - commands should not wait for it, and few files have such a provider
    from google.auth.exceptions import TransportError  # noqa: PLC0415 - an optional extra

    try:
        return _Answer(httpx.request(method, url, content=body, headers=headers, timeout=timeout or _TIMEOUT_S))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind: Any = TransportError
        raise kind(type(error).__name__) from error
