"""The id in a response's header finds the request everywhere: log, trace, ledger, console."""

import pytest

from tests.contract.conftest import config
from tests.support.console import Visitor, text_of
from tests.support.control_plane import ControlPlane

DENIES = "    policy_rules: [{tools: {deny: ['^shell']}}]\n"
SHELL = [{"type": "function", "function": {"name": "shell.exec"}}]


@pytest.fixture(scope="module")
def gateway(module_gateway, collector):
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    return module_gateway(config("http://127.0.0.1:1", DENIES), env=environment)


@pytest.fixture(scope="module")
def plane(gateway, tmp_path_factory):
    database = f"sqlite:///{gateway.directory / 'data' / 'gateway.db'}"
    started = ControlPlane(
        tmp_path_factory.mktemp("plane"), database, "--console-trace-url", "https://traces.example.com/{trace_id}"
    )
    yield started
    started.stop()


@pytest.fixture(scope="module")
def visitor(plane):
    somebody = Visitor(plane)
    somebody.sign_in(plane.token())
    yield somebody
    somebody.client.close()


REQUESTS = {
    "served": ({"model": "sim", "messages": []}, 200, "ok"),
    "streamed": ({"model": "sim", "messages": [], "stream": True}, 200, "ok"),
    "refused by a rule": ({"model": "sim", "messages": [], "tools": SHELL}, 403, "tool_not_allowed"),
    "failed at its provider": ({"model": "gpt-5-mini", "messages": []}, 502, "connect"),
}


@pytest.mark.parametrize(("body", "status", "says"), REQUESTS.values(), ids=REQUESTS.keys())
def test_a_request_is_found_by_its_id(gateway, collector, plane, visitor, body, status, says):
    served = gateway.post(body)
    request_id, trace_id = served.headers["x-langwatch-request-id"], served.headers["x-langwatch-trace-id"]
    assert served.status_code == status

    line = gateway.record(request_id)
    assert (line["status"], line["trace_id"]) == (status, trace_id)

    own = collector.of(request_id, count=1 + len(line["attempts"]))[0]
    assert (own["trace_id"], own["attributes"]["http.response.status_code"]) == (trace_id, status)

    view = plane.token()
    row = gateway.wait(lambda: (found := plane.get(f"/requests/{request_id}", view)).is_success and found.json())
    assert (row["request_id"], row["status"], row["trace_id"]) == (request_id, status, trace_id)

    page = visitor.get(f"/console/requests/{request_id}")
    assert page.status_code == 200
    assert says in text_of(page.text)
    assert f"https://traces.example.com/{trace_id}" in page.text


def test_circuits_that_nobody_tells_of_are_unknown(gateway, plane, visitor):
    """This gateway reads a file; only those that follow the control plane tell it of their circuits."""
    gateway.chat("sim")
    gateway.wait(lambda: plane.get("/requests", plane.token()).json()["requests"])

    shown = text_of(visitor.get("/console/providers").text)
    assert "unknown" in shown
    assert "closed" not in shown
