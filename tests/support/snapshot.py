"""A configuration compiled for a test that needs no process."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper
from gateway.providers.registry import ProviderSet
from gateway.snapshot.compile import compile_snapshot
from gateway.snapshot.snapshot import Revision, Snapshot
from gateway.upstream.request import NoTransport, Transport


def config_of(text: str) -> Config:
    """The configuration of a file that is right."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "gateway.yaml"
        file.write_text(text)
        loaded = load([file], environ={}, now=datetime(2026, 6, 1, tzinfo=UTC))
    assert loaded.config is not None, loaded.diagnostics
    return loaded.config


def snapshot_of(text: str, transport: Transport | None = None) -> Snapshot:
    """The snapshot of a file that is right; what it sends goes to `transport`."""
    config, providers = config_of(text), ProviderSet(transport or NoTransport())
    return compile_snapshot(config, Revision("digest", None), Pepper(DEVELOPMENT_PEPPER), providers)
