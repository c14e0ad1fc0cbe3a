"""Lines of the process's log."""

import json
import logging
import sys

import pytest

from gateway.telemetry import logs

KEY = "lw_vk_test_01K00000000000000000000000"


def line(format_, level, message, *arguments, exc_info=None):
    record = logging.LogRecord("gateway.test", level, __file__, 1, message, arguments, exc_info)
    return logs.formatter(format_).format(record)


def failure():
    try:
        raise ValueError(f"the key {KEY} is odd")
    except ValueError:
        return sys.exc_info()


def test_a_line_for_machines():
    written = json.loads(line("json", logging.WARNING, "the %s is gone", "provider"))

    assert written.pop("time").endswith("Z")
    assert written == {"event": "the provider is gone", "level": "warning", "logger": "gateway.test"}


def test_a_line_for_people():
    written = line("pretty", logging.INFO, "serving revision %s", "abc")

    assert "serving revision abc" in written
    assert "{" not in written


@pytest.mark.parametrize("format_", ["json", "pretty"])
def test_no_line_holds_a_credential(format_):
    assert KEY not in line(format_, logging.ERROR, "refused %s", KEY)
    assert KEY not in line(format_, logging.ERROR, "a defect", exc_info=failure())
    assert "ValueError" in line(format_, logging.ERROR, "a defect", exc_info=failure())
