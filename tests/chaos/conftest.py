"""Servers that are there to be broken, and the figures that each row leaves."""

import pytest

from tests.support.postgresql import Server

pytest.register_assert_rewrite("tests.chaos.fleet", "tests.chaos.test_one_node")


def pytest_terminal_summary(terminalreporter):
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.stats.get(outcome, [])]
    said = [(name, value) for one in reports for name, value in one.user_properties if name == "figures"]
    if said:
        terminalreporter.section("what was broken, and what clients saw")
        for _, value in said:
            terminalreporter.write_line(value)


@pytest.fixture
def figures(request):
    """Tells, beside the test's name, what it measured."""

    def tell(*said: str) -> None:
        name = request.node.name.removeprefix("test_").replace("_", " ")
        request.node.user_properties.append(("figures", f"{name}\n    {'; '.join(said)}"))

    return tell


@pytest.fixture(scope="session")
def _postgresql():
    server = Server().start()
    yield server
    server.close()


@pytest.fixture
def postgresql(_postgresql):
    """A PostgreSQL that runs when the test begins."""
    yield _postgresql
    _postgresql.stop()
    _postgresql.start()
