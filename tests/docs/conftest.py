"""A reader for each test, who starts with nothing but a checkout."""

import pytest

from tests.docs.reader import Reader


@pytest.fixture
def reader(tmp_path):
    started = Reader(tmp_path / "here")
    yield started
    started.close()
