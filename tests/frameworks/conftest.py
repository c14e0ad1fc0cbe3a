"""The scene of a session, and where its results go."""

import pytest

from tests.agents.results import Collected
from tests.agents.scene import Scene
from tests.frameworks.frameworks import FRAMEWORKS


def pytest_configure(config):
    if config.option.write_results and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collected(FRAMEWORKS))


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    started = Scene(tmp_path_factory.mktemp("scene"))
    yield started
    started.close()
