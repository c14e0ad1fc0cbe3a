"""Where a worker's snapshots come from: files that are watched, or a control plane that is followed."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from gateway import clock
from gateway.config.files import PRICE_LOCK
from gateway.config.resources import identities_of_moved
from gateway.keys.digest import Pepper
from gateway.providers.registry import ProviderSet
from gateway.secret import Secret
from gateway.server.startup import load_for_serving, serving
from gateway.settings import Settings
from gateway.snapshot.compile import compile_snapshot
from gateway.snapshot.following.client import Client, UnreachableError
from gateway.snapshot.following.follower import Follower
from gateway.snapshot.following.last_copy import LastCopy
from gateway.snapshot.following.state import Followed
from gateway.snapshot.holder import Holder, Rejection
from gateway.snapshot.of_resources import snapshot_of
from gateway.snapshot.reload import Outcome, Reloader
from gateway.snapshot.snapshot import Revision, Snapshot

OnOutcome = Callable[[Outcome, str], None]


class Source(Protocol):
    """What a worker asks of either."""

    async def first(self) -> Snapshot | Rejection:
        """What to begin with."""

    def start(self, holder: Holder[Snapshot]) -> None:
        """Keeps a holder up to date from now on."""

    def request(self) -> None:
        """Asks for a reload."""

    async def close(self) -> None:
        """Ends what `start` began."""

    def standing(self) -> dict[str, Any] | None:
        """What readiness tells of the control plane; `None` where there is none."""


def open_source(
    settings: Settings,
    pepper: Pepper,
    providers: ProviderSet,
    on_outcome: OnOutcome,
    open_circuits: Callable[[], list[str]],
) -> Source:
    """The source that the settings name; a control plane is told of open circuits."""
    if settings.control_plane_url is not None:
        return ControlPlaneSource(settings, settings.control_plane_url, pepper, providers, on_outcome, open_circuits)
    return FileSource(settings, pepper, providers, on_outcome)


class FileSource:
    """Configuration files."""

    def __init__(self, settings: Settings, pepper: Pepper, providers: ProviderSet, on_outcome: OnOutcome) -> None:
        self._settings = settings
        self._pepper = pepper
        self._providers = providers
        self._on_outcome = on_outcome
        self._watched: Sequence[Path] = settings.config
        self._began = clock.now()

    async def first(self) -> Snapshot | Rejection:
        """The files as they are."""
        return self._load()

    def start(self, holder: Holder[Snapshot]) -> None:
        """Watches them."""
        self._reloader = Reloader(
            load=self._load, holder=holder, watch_paths=lambda: self._watched, on_outcome=self._on_outcome
        )
        self._reloader.start()
        if _changed_since(self._began, self._watched):
            # Between loading and watching nobody looked.
            self._reloader.request()

    def request(self) -> None:
        """Reads them again."""
        self._reloader.request()

    async def close(self) -> None:
        """Stops watching."""
        await self._reloader.close()

    def standing(self) -> dict[str, Any] | None:
        """Files have no control plane."""
        return None

    def _variables(self) -> Sequence[Path]:
        return () if self._settings.env_file is None else (self._settings.env_file,)

    def _load(self) -> Snapshot | Rejection:
        loaded = load_for_serving(self._settings)
        self._watched = (*(loaded.files or self._settings.config), *self._variables())
        if loaded.config is None:
            return Rejection(loaded.diagnostics, clock.now())
        revision = Revision(loaded.digest, loaded.commit)
        moved = identities_of_moved(loaded.config)
        return compile_snapshot(loaded.config, revision, self._pepper, self._providers, moved, in_ledger=False)


class ControlPlaneSource:
    """A control plane."""

    def __init__(
        self,
        settings: Settings,
        url: str,
        pepper: Pepper,
        providers: ProviderSet,
        on_outcome: OnOutcome,
        open_circuits: Callable[[], list[str]],
    ) -> None:
        self._settings = settings
        self._url = url
        self._pepper = pepper
        self._providers = providers
        configured = settings.control_plane_token
        token = Secret(configured.get_secret_value() if configured is not None else "")
        copy = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._client = Client(url, token, pepper.hear)
        self._follower = Follower(
            node=_node(settings),
            client=self._client,
            last_copy=LastCopy(settings.data_dir / "control-plane" / f"{copy}.snapshot", token),
            compile_=self._compile,
            on_outcome=on_outcome,
            open_circuits=open_circuits,
        )

    async def first(self) -> Snapshot | Rejection:
        """What the control plane has, else the last copy on disk."""
        try:
            return await self._follower.first()
        except UnreachableError as error:
            problem = f"{error}; and there is no copy of an earlier snapshot in {self._settings.data_dir}"
            return Rejection((problem,), clock.now())

    def start(self, holder: Holder[Snapshot]) -> None:
        """Follows it."""
        self._follower.start(holder)

    def request(self) -> None:
        """News come by themselves."""

    async def close(self) -> None:
        """Follows no longer."""
        await self._follower.close()

    def standing(self) -> dict[str, Any] | None:
        """How far it is followed, and what is in the way."""
        contact = self._follower.last_contact
        return {
            "url": self._url,
            "revision": self._follower.revision,
            "keys_revision": self._follower.keys_revision,
            "rejected_revision": self._follower.rejected_revision,
            "fault": self._follower.fault,
            "last_contact_at": None if contact is None else clock.iso(contact),
            "lag_s": self._follower.lag_s,
            "token_expires_at": self._client.token_ends,
            "tokens_ending": self._client.tokens_ending,
        }

    def _compile(self, followed: Followed) -> Snapshot | Rejection:
        resources = [one.resource() for one in followed.resources.values()]
        at = f"{followed.lineage}:{followed.revision}:{followed.identity}:{followed.keys_revision}"
        digest = hashlib.sha256(at.encode()).hexdigest()
        return snapshot_of(
            resources,
            Revision(digest, None, followed.revision),
            now=clock.utc_now(),
            pepper=self._pepper,
            providers=self._providers,
            environ=os.environ,
            serving=serving(self._settings),
        )


def _node(settings: Settings) -> str:
    return settings.node if settings.workers == 1 else f"{settings.node}/{os.getpid()}"


def _changed_since(moment: float, paths: Sequence[Path]) -> bool:
    """Whether one of the files was written after a moment, or is gone."""
    try:
        return any(path.stat().st_mtime >= moment for path in paths if path.name != PRICE_LOCK or path.exists())
    except OSError:
        return True
