"""`gateway top`, against a running gateway and against figures that are known."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from rich.console import Console

from gateway.cli.top_figures import figures, read_samples
from gateway.cli.top_view import view
from gateway.errors import Denial
from gateway.telemetry.metrics import Metrics
from gateway.usage import Usage
from gateway.version import __version__

ASKED_WITH = []


def looks():
    """Two looks, ten seconds apart."""
    metrics = Metrics()
    metrics.serving("0123456789abcdef", dict.fromkeys(("team", "all [bold]"), 0.0), ("openai", "standby"))
    metrics.counters({}, answer=True)
    for _ in range(7):
        metrics.request_started()
    ended = {"overhead_s": 0.001, "first_token_s": None, "trace_id": None}
    metrics.request_ended("chat_completions", "openai", 200, "ok", duration_s=0.3, **ended)
    before = read_samples(metrics.render(private=True).decode())
    for status, duration_s in ((200, 0.2), (200, 0.2), (200, 0.2), (502, 3.0)):
        outcome = "ok" if status == 200 else "failed"
        metrics.request_ended("chat_completions", "openai", status, outcome, duration_s=duration_s, **ended)
        metrics.asked("openai", "ok" if status == 200 else "503", duration_s, None)
    metrics.usage("openai", "gpt-5", Usage(input_tokens=900, output_tokens=100))
    metrics.cost("openai", "gpt-5", 0.01)
    metrics.denied(Denial("policy", "tools", "inline"))
    metrics.circuits({"openai": False, "standby": True})
    metrics.budgets.tell("team", "counter", 0.85, None, "", 0)
    metrics.budgets.tell("all [bold]", "counter", 1.2, None, "", 0)
    return before, read_samples(metrics.render(private=True).decode())


@pytest.fixture
def served():
    """Where metrics that never change can be read."""
    metrics = Metrics()
    for _ in range(3):
        metrics.request_started()
    metrics.budgets.tell("all [bold] " + "w" * 90, "counter", 1.2, None, "", 0)
    content = metrics.render(private=True)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            ASKED_WITH.append(self.headers["authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_screen(snapshot):
    console = Console(width=110, color_system=None, force_terminal=False, record=True)
    with console.capture() as shown:
        console.print(view(figures(*looks(), 10.0), "http://127.0.0.1:5563"))

    text = "\n".join(line.rstrip() for line in shown.get().splitlines())
    assert text.replace(__version__, "VERSION") == snapshot


def test_rates_are_of_the_interval_alone():
    found = figures(*looks(), 10.0)

    assert (found.requests, found.server_errors, found.tokens) == (0.4, 0.1, 100)
    assert found.usd_per_hour == pytest.approx(3.6)
    assert 0.1 < found.p50_s <= 0.25
    assert 2.5 < found.p95_s <= 5
    assert found.providers[0].failures == {"503": 0.1}


def test_a_gateway_that_was_restarted_has_no_negative_rates():
    before, now = looks()

    assert figures(now, before, 10.0).requests >= 0


def test_nobody_asks():
    _, now = looks()

    quiet = figures(now, now, 10.0)
    assert (quiet.requests, quiet.p95_s, quiet.providers[0].calls) == (0, None, 0)


def test_into_a_pipe_one_screen_is_printed(gateway, served):
    done = gateway("top", "--interval", "0.2", "--url", served)

    assert done.code == 0
    head, traffic, *_ = done.out.splitlines()
    assert head.startswith(f"{served}  gateway {__version__}")
    assert traffic.startswith("0.0 req/s  3 under way")
    assert "\x1b" not in done.out
    assert f"all [bold] {'w' * 90}" in done.out


def test_nobody_answers(gateway):
    done = gateway("top", "--once", "--url", "http://127.0.0.1:1")

    assert done.code == 1
    assert "does not answer as a gateway" in done.err


def test_the_token_of_operators_is_sent(gateway, served):
    gateway("top", "--interval", "0.2", "--url", served, GATEWAY_METRICS_TOKEN="of-operators")

    assert ASKED_WITH[-1] == "Bearer of-operators"
