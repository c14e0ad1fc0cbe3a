"""Redis servers that end with the test."""

import pytest

from tests.unit.counters.redis_service import Server


@pytest.fixture
def start_redis(tmp_path):
    """Starts servers with options of `redis-server`."""
    started = []

    def start(*options):
        directory = tmp_path / f"redis-{len(started)}"
        directory.mkdir()
        started.append(Server(directory, *options))
        return started[-1].start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def server(start_redis):
    """One that keeps nothing."""
    return start_redis()


@pytest.fixture
def durable(start_redis):
    """One that keeps everything."""
    return start_redis("--appendonly", "yes", "--appendfsync", "always")
