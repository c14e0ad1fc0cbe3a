"""AWS Signature Version 4, with the credentials that botocore's chain finds.

Signing: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. The chain:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html. botocore is an optional extra, so it is
imported where it is first needed; see `missing_extra`.
"""

import asyncio
import contextlib
import functools
import importlib.util
import logging
from typing import Any, Final, NamedTuple, Protocol

from gateway import clock
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers, UpstreamRequest

_log = logging.getLogger(__name__)

_REFRESH_EVERY_S: Final = 60.0
_REST_AFTER_FAILURE_S: Final = 5.0
_LARGE_BODY: Final = 1024 * 1024
_OURS: Final = frozenset(("authorization", "date", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"))
_SESSION_NAME: Final = "llm-gateway"
_DEFAULT_CHAIN: Final = (
    "the environment (AWS_ACCESS_KEY_ID), web identity, the shared config and credentials files, SSO, "
    "the container's endpoint and the instance's metadata"
)


def missing_extra() -> str | None:
    """What to install for AWS credentials, `None` when it is there."""
    if importlib.util.find_spec("botocore") is None:
        return "AWS credentials need botocore: pip install '.[bedrock]'"
    return None


class _Source(Protocol):
    """Credentials of botocore's, some of which refresh themselves when they are asked close to their end."""

    def get_frozen_credentials(self) -> Any:
        """The credentials as they are now; may call AWS."""


class _Loaded(NamedTuple):
    source: _Source
    frozen: Any


class AwsSigner:
    """Signs requests for one region and service; see `Signer`.

    Credentials are fetched in a thread, once for all requests that wait for them, and refreshed by a task in the
    background. botocore renews what ends within 15 minutes, so that a request only waits for the first ones, or when
    those that it has are past their end.

    Args:
        region: The region that signatures are for.
        profile: A profile of the shared config; without one, the default chain.
        role_arn: A role that is assumed with what the chain finds.
        service: The service's name in signatures.
    """

    def __init__(
        self, *, region: str, profile: str | None = None, role_arn: str | None = None, service: str = "bedrock"
    ) -> None:
        self._region = region
        self._profile = profile
        self._role_arn = role_arn
        self._service = service
        self._source: _Source | None = None
        self._frozen: Any = None
        self._fetching: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._failure = ""
        self._rests_until = 0.0

    async def sign(self, request: UpstreamRequest) -> None:
        """Adds `authorization`, `x-amz-date` and, for temporary credentials, `x-amz-security-token`."""
        credentials = await self._credentials()
        signing = functools.partial(_signature, request, credentials, self._service, self._region)
        # The digest of a large body takes milliseconds, which other requests should not wait for.
        added = await asyncio.to_thread(signing) if len(request.body) > _LARGE_BODY else signing()
        request.headers[:] = [header for header in request.headers if header[0].lower() not in _OURS] + added

    async def close(self) -> None:
        """Ends the refreshing in the background."""
        tasks = [task for task in (self._refreshing, self._fetching) if task is not None]
        self._refreshing = self._fetching = None
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _credentials(self) -> Any:
        if self._frozen is not None and _ends_within(self._source, 0):
            self._frozen = None
        if self._frozen is None and clock.monotonic() >= self._rests_until:
            await self._fetched()
        if self._frozen is None:
            raise UpstreamFailure(FailureKind.CREDENTIAL, self._failure)
        return self._frozen

    async def _fetched(self) -> None:
        """Waits for the one fetch that is under way; a request that is cancelled does not take it along."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch(), name="aws-credentials")
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        loaded = await asyncio.to_thread(self._load)
        if isinstance(loaded, str):
            self._failure = loaded
            self._rests_until = clock.monotonic() + _REST_AFTER_FAILURE_S
            _log.warning(loaded)
            return
        self._source, self._frozen = loaded
        if self._refreshing is None and hasattr(self._source, "refresh_needed"):
            self._refreshing = asyncio.create_task(self._keep_fresh(), name="aws-credentials-refresh")

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_EVERY_S)
            await self._fetched()

    def _load(self) -> _Loaded | str:
        """In a thread: the credentials, or why there are none. botocore's exceptions end here."""
        missing = missing_extra()
        if missing is not None:
            return missing
        from botocore.exceptions import ClientError  # noqa: PLC0415

        # At DEBUG it writes what STS answers, secrets included.
        logging.getLogger("botocore").setLevel(logging.INFO)
        try:
            source = self._source or _find(self._region, self._profile, self._role_arn)
            if source is not None:
                return _Loaded(source, source.get_frozen_credentials())
        except ClientError as problem:
            reason = f"AWS answered {problem.response.get('Error', {}).get('Code', 'with an error')}"
        except Exception as problem:  # noqa: BLE001 - botocore's parsers and plugins raise what they like
            # Only the kind: messages can quote what a credential process wrote.
            reason = f"botocore raised {type(problem).__name__}"
        else:
            reason = "there are none"
        return f"No AWS credentials: {reason}. Looked in {self._places()}."

    def _places(self) -> str:
        places = _DEFAULT_CHAIN if self._profile is None else f"the profile {self._profile!r} of the shared config"
        return places if self._role_arn is None else f"{places}, to assume {self._role_arn}"


def _find(region: str, profile: str | None, role_arn: str | None) -> _Source | None:
    """What the chain finds, a role assumed with it where one is asked for; `None` when it finds nothing."""
    import botocore.credentials  # noqa: PLC0415
    import botocore.session  # noqa: PLC0415

    session = botocore.session.Session(profile=profile)
    session.set_config_variable("region", region)
    found: _Source | None = session.get_credentials()
    if found is None or role_arn is None:
        return found
    fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
        functools.partial(session.create_client, region_name=region),
        found,
        role_arn,
        extra_args={"RoleSessionName": _SESSION_NAME},
    )
    assumed: _Source = botocore.credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    return assumed


def _ends_within(source: _Source | None, seconds: int) -> bool:
    """Whether credentials that have an end reach it within so many seconds."""
    refresh_needed = getattr(source, "refresh_needed", None)
    return refresh_needed is not None and bool(refresh_needed(refresh_in=seconds))


def _signature(request: UpstreamRequest, credentials: Any, service: str, region: str) -> Headers:
    """The headers that a signature adds.

    Signed are the body, the host, the content's type and `x-amz-*`, as AWS demands; other headers are the client's,
    and proxies on the way may touch them. botocore encodes the path once more for the canonical request, as every
    service but S3 wants it.
    """
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415

    signed = {
        name: value
        for name, value in request.headers
        if name.lower() == "content-type" or (name.lower().startswith("x-amz-") and name.lower() not in _OURS)
    }
    aws_request = AWSRequest(method=request.method, url=request.url, headers=signed, data=request.body)
    SigV4Auth(credentials, service, region).add_auth(aws_request)
    return [(name.lower(), str(value)) for name, value in aws_request.headers.items() if name.lower() in _OURS]
