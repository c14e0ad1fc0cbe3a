"""Fixtures that several suites share."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gateway.version import BUILD
from tests.support import authorities, statements
from tests.support.certificate import certificate
from tests.support.gateway import Gateway
from tests.support.redis_server import Server
from tests.support.upstream import PlayedUpstream
from tests.unit.storage.databases import wait_until_dropped

# Containers often forbid to keep compiled modules, and the processes that tests start would compile the gateway anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine must not fail a property. `--hypothesis-profile deep` looks further.
for profile, examples in (("gateway", 30), ("deep", 1_000)):
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile("gateway")

authorities.read_once()


def _keep_files_in_memory() -> None:
    """Databases of tests wait for the disk at each commit, which says nothing of them: none outlives the machine."""
    memory = Path("/dev/shm")
    with suppress(OSError):
        of_memory = os.statvfs(memory)
        is_large = of_memory.f_bavail * of_memory.f_frsize >= _LARGE
        if is_large and not of_memory.f_flag & os.ST_NOEXEC and os.access(memory, os.W_OK | os.X_OK):
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


_LARGE = 2 * 2**30
_keep_files_in_memory()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI a skipped test of a service is a failure: the machine has to have the service."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("CI") and report.skipped and item.get_closest_marker("service"):
        report.outcome = "failed"


def pytest_addoption(parser):
    parser.addoption("--chaos", action="store_true", help="run the long rows of tests/chaos as well")
    parser.addoption("--docs", action="store_true", help="run what stands on every page of docs/, not on a few alone")
    parser.addoption(
        "--write-results", action="store_true", help="write what clients were seen to do to docs/clients.json"
    )


_BY_THEMSELVES = {Path(__file__).parent / name for name in ("agents", "chaos", "frameworks")}
"""What breaks servers under load disturbs others and is disturbed by them; agents are installed by `task agents`."""


def pytest_ignore_collect(collection_path, config):
    is_asked_for = config.args_source is not config.ArgsSource.TESTPATHS
    return True if collection_path in _BY_THEMSELVES and not is_asked_for else None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected lasts as long as the session: looks for garbage in it take two fifths of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config, items):
    left_out = {name for name in ("chaos", "docs") if not config.getoption(name)}
    if BUILD == "compiled":
        left_out.add("looks_inside")
    for name in left_out:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker(name)])
        items[:] = [item for item in items if not item.get_closest_marker(name)]


def pytest_configure(config):
    """In CI, or where `TEST_STATEMENTS` names a directory, a session notes which statements ran on which database."""
    if statements.DIRECTORY not in os.environ and os.environ.get("CI"):
        os.environ[statements.DIRECTORY] = tempfile.mkdtemp()
    statements.record()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    wait_until_dropped()
    config = session.config
    runs_all = config.args_source is config.ArgsSource.TESTPATHS and not (
        config.option.keyword or config.option.markexpr or config.option.collectonly
    )
    if runs_all and os.environ.get("CI") and not hasattr(config, "workerinput"):
        gaps = [f"{place} never ran on {dialect}" for place, dialect in statements.never_run()]
        if gaps:
            sys.stderr.write("\n".join(["\nEvery statement has to run on both databases:", *gaps, ""]))
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="module")
def upstream() -> Iterator[PlayedUpstream]:
    """One upstream a module; tests reset it."""
    played = PlayedUpstream()
    yield played
    played.close()


@pytest.fixture
def tls_upstream(tmp_path: Path) -> Iterator[PlayedUpstream]:
    """An upstream that speaks TLS, with the certificate to trust."""
    played = PlayedUpstream(*certificate(tmp_path))
    yield played
    played.close()


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways that end with the test."""
    started: list[Gateway] = []

    def start(config: str | None, *arguments: str, env: dict[str, str] | None = None, verify: str = "") -> Gateway:
        directory = tmp_path / f"gateway-{len(started)}"
        directory.mkdir()
        gateway = Gateway(directory, config, *arguments, env=env, verify=verify)
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="module")
def module_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways that end with the module."""
    started: list[Gateway] = []

    def start(config: str, env: dict[str, str] | None = None) -> Gateway:
        gateway = Gateway(tmp_path_factory.mktemp("gateway"), config, env=env)
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts Redis servers, with options of `redis-server`, that end with the test."""
    started: list[Server] = []

    def start(*options: str) -> Server:
        directory = tmp_path / f"redis-{len(started)}"
        directory.mkdir()
        started.append(Server(directory, *options))
        return started[-1].start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def server(start_redis: Callable[..., Server]) -> Server:
    """A Redis that keeps nothing."""
    return start_redis()


@pytest.fixture
def durable(start_redis: Callable[..., Server]) -> Server:
    """One that keeps everything."""
    return start_redis("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(scope="session")
def promtool() -> str:
    return _installed("promtool")


@pytest.fixture(scope="session")
def prometheus() -> str:
    return _installed("prometheus")


def _installed(binary: str) -> str:
    found = shutil.which(binary)
    if found is None:
        pytest.skip(f"{binary} is not installed: apt-get install prometheus")
    return found
