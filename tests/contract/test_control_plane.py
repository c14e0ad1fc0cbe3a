"""The control plane's API from outside: tokens, spend, budgets, requests; on SQLite and on PostgreSQL."""

import json
import os
import time
from datetime import datetime

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from sqlalchemy import text

from gateway import clock
from gateway.ledger.counter_states import CounterState, report
from gateway.storage.engine import open_engine, writing
from gateway.telemetry.decision_record import AttemptRecord, Charge
from tests.support import launcher
from tests.support.control_plane import API, ControlPlane
from tests.support.gateway import METRICS_TOKEN
from tests.support.sqlite import migrated
from tests.unit.ledger.ledger_entries import entry, put
from tests.unit.storage.databases import module_database_url

__all__ = ["module_database_url"]

NOW = int(time.time() * 1_000_000)
CONFIG = """version: 1
organization: acme
teams: {core: {}}
providers: {sim: {type: simulator}}
budgets:
  company: {scope: {organization: acme}, window: total, limit_usd: 0.001}
  people: {scope: {team: core}, each: end_user, window: total, limit_usd: "5"}
"""
FATES = {
    22: {"status": 429, "outcome": "refused", "error_code": "vk_rate_limit_exceeded", "attempts": ()},
    23: {
        "status": 502,
        "outcome": "failed",
        "error_code": "upstream_server_error",
        "trace_id": "feed" * 8,
        "attempts": (AttemptRecord("openai", "gpt-5-mini", "503", 0, 80),),
    },
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory, module_database_url):
    directory = tmp_path_factory.mktemp("plane")
    (directory / "gateway.yaml").write_text(CONFIG)
    engine = open_engine(module_database_url)
    charges = (Charge("budget:company:organization=acme:total=total", 100_000),)
    put(
        engine,
        *(
            entry(
                f"grq_{number:03d}",
                occurred_at=NOW - number * 1_000_000,
                team="core" if number % 2 else "",
                end_user=f"user-{number % 3}",
                cost_nano_usd=100_000,
                budgets=(*charges, Charge(f"budget:people:team=core:total=total:each_end_user=u{number % 3}", 7)),
                **FATES.get(number, {}),
            )
            for number in range(25)
        ),
    )
    with writing(engine) as connection:
        far = NOW + 3_600_000_000
        report(connection, "n1", [CounterState(charges[0].counter, spent=0, held=5, resets_at=None)], far)
    engine.dispose()
    operators = {"GATEWAY_METRICS_TOKEN": METRICS_TOKEN, "GATEWAY_TRUSTED_PROXIES": "127.0.0.1"}
    started = ControlPlane(directory, module_database_url, "-c", str(directory / "gateway.yaml"), env=operators)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def token(plane):
    return plane.token()


def assert_error(answer, status, type_, code=None):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert set(error) <= {"type", "code", "message", "param"}
    assert (error["type"], error["code"]) == (type_, code or type_)
    return error


def test_probes_need_no_token(plane):
    assert plane.client.get("/healthz").json() == {"status": "ok"}
    assert plane.client.get("/readyz").json() == {"status": "ready"}
    assert [plane.client.head(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


@pytest.mark.parametrize("path", ["/spend", "/budgets", "/requests", "/requests/grq_001", "/nothing", ""])
@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "token_missing"),
        ("", "token_missing"),
        ("Basic YTpi", "token_missing"),
        ("Bearer", "token_missing"),
        ("Bearer lw_admin_" + "x" * 43, "token_unknown"),
        ("Bearer ' OR 1=1 --", "token_unknown"),
        ("Bearer \u00fc".encode("latin-1"), "token_unknown"),
    ],
)
def test_every_path_wants_a_token(plane, path, header, code):
    headers = {} if header is None else {"authorization": header}

    answer = plane.client.get(API + path, headers=headers)

    assert_error(answer, 401, "invalid_token", code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", ["access_token", "token", "authorization"])
def test_a_token_in_the_query_is_no_token(plane, token, name):
    assert_error(plane.client.get(f"{API}/spend?{name}={token}"), 401, "invalid_token", "token_missing")


def test_a_token_ends(plane):
    ended = plane.token(expires_at=int(clock.now() * 1_000_000) - 1)
    revoked = plane.token()
    assert plane.get("/spend", revoked).status_code == 200
    plane.revoke(revoked)

    assert_error(plane.get("/spend", ended), 401, "invalid_token", "token_expired")
    assert_error(plane.get("/spend", revoked), 401, "invalid_token", "token_revoked")


@pytest.mark.parametrize("scope", ["plan", "apply", "admin"])
def test_wider_scopes_may_view(plane, scope):
    assert plane.get("/spend", plane.token(scope)).status_code == 200


@pytest.mark.parametrize("path", ["/spend", "/budgets", "/requests", "/requests/grq_001"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_is_written_through_reports(plane, path, method):
    headers = {"authorization": f"Bearer {plane.token('admin')}"}

    answer = plane.client.request(method, API + path, headers=headers)

    assert_error(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


def test_spend(plane):
    answer = plane.get("/spend", plane.token(), by="team", **{"from": "1d"})

    found = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert found["by"] == ["team"]
    assert [(row["group"], row["requests"], row["cost_usd"]) for row in found["rows"]] == [
        ({"team": ""}, 13, "0.0013"),
        ({"team": "core"}, 12, "0.0012"),
    ]
    assert found["total"]["cost_nano_usd"] == 2_500_000
    assert found["total"]["tokens"]["input"] == 25_000


def test_spend_is_what_the_command_reports(plane, tmp_path):
    parameters = {"by": "team,model", "from": "2026-01-01", "to": "2126-01-01", "end_user": "user-1", "sort": "name"}
    flags = [part for name, value in parameters.items() for part in (f"--{name.replace('_', '-')}", value)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}

    done = launcher.run(
        ["spend", *flags, "--format", "json", "--database", plane.database_url],
        env={**environment, "GATEWAY_DATA_DIR": str(tmp_path)},
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == plane.get("/spend", plane.token(), **parameters).json()


def run(plane, directory, *command, over_url):
    """A command that asks the control plane, or its database."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    token = {"GATEWAY_CONTROL_PLANE_TOKEN": plane.token("admin")} if over_url else {}
    url = f"http://127.0.0.1:{plane.port}"
    where = ("--control-plane", url) if over_url else ("--database", plane.database_url)
    return launcher.run([*command, *where], env={**environment, **token, "COLUMNS": "200"}, directory=directory)


@pytest.mark.parametrize(
    ("command", "form"),
    [
        ("spend --by team,model --from 2026-11-01 --to 2126-01-01", "table"),
        ("spend --by team,model --from 2026-11-01 --to 2126-01-01", "json"),
        ("spend --by day --sort requests --limit 1 --from 2026-11-01 --to 2126-01-01", "csv"),
        ("report unpriced --from 20d", "table"),
        ("report unpriced --from 20d", "json"),
        ("budgets --limit 1", "csv"),
        ("budgets --limit 1", "json"),
    ],
)
def test_reports_are_the_same_over_the_url_and_from_the_database(plane, tmp_path, command, form):
    (tmp_path / "gateway.yaml").write_text(CONFIG)

    there, here = (run(plane, tmp_path, *command.split(), "--format", form, over_url=over) for over in (True, False))

    assert (there.returncode, here.returncode) == (0, 0), there.stderr + here.stderr
    assert there.stderr == here.stderr
    if form == "json" and command.startswith("budgets"):
        told, found = json.loads(there.stdout), json.loads(here.stdout)
        assert (told["config"], told["diagnostics"]) == ("current", [])
        assert told["budgets"] == found["budgets"]
    else:
        assert there.stdout == here.stdout


def test_the_ledger_is_checked_over_the_url_too(plane, tmp_path):
    sound = run(plane, tmp_path, "check-ledger", over_url=True)
    writes = run(plane, tmp_path, "check-ledger", "--repair", over_url=True)

    assert (sound.returncode, sound.stderr) == (0, "Nothing differs.\n")
    assert (writes.returncode, writes.stderr) == (1, "error: --repair writes to the ledger itself: give --database\n")
    assert_error(plane.get("/ledger/differences", plane.token("apply")), 403, "insufficient_scope")


@pytest.mark.parametrize(
    ("path", "parameters", "at_fault"),
    [
        ("/spend", {"by": "colour"}, "by"),
        ("/spend", {"from": "soon"}, "from"),
        ("/spend", {"colour": "red"}, "colour"),
        ("/spend", {"limit": ["1", "2"]}, "limit"),
        ("/budgets", {"limit": "none"}, "limit"),
        ("/requests", {"limit": "1001"}, "limit"),
        ("/requests", {"cursor": "x"}, "cursor"),
        ("/requests", {"cursor": "ü"}, "cursor"),
        ("/requests", {"cursor": "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OSwiYSJd"}, "cursor"),
        ("/requests", {"from": "2026-02-30"}, "from"),
        ("/requests", {"status": "500"}, "status"),
        ("/traffic", {"from": "2026-02-30"}, "from"),
        ("/requests/grq_001", {"cursor": "x"}, "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(plane, token, path, parameters, at_fault):
    answer = plane.get(path, token, **parameters)

    error = assert_error(answer, 400, "bad_request", answer.json()["error"]["code"])
    assert error["param"] == at_fault
    assert error["code"] in ("invalid_parameter", "unknown_parameter")


def test_budgets(plane, token):
    found = plane.get("/budgets", token, limit=2).json()

    assert found["config"] == "current"
    company, *people = found["budgets"]
    assert (company["state"], company["spent_usd"], company["reserved_nano_usd"]) == ("exceeded", "0.0025", 5)
    assert [(one["who"], one["spent_nano_usd"]) for one in people] == [("u0", 63), ("u1", 56)]
    assert found["counters_left_out"] == {"people": 1}


def test_budgets_follow_the_file(plane, token):
    file = plane._log.parent / "gateway.yaml"
    file.write_text(CONFIG.replace("0.001", "0.005"))
    try:
        assert plane.get("/budgets", token).json()["budgets"][0]["state"] == "ok"
        file.write_text("version: 2 # no such version\n")
        stale = plane.get("/budgets", token).json()
        assert stale["config"] == "stale"
        assert "gateway.yaml:1" in stale["diagnostics"][0]
        assert stale["budgets"][0]["limit_usd"] == "0.005"
    finally:
        file.write_text(CONFIG)
    assert plane.get("/budgets", token).json()["config"] == "current"


def test_requests_page_by_page_newest_first(plane, token):
    seen, cursor, pages = [], None, 0
    while True:
        page = plane.get("/requests", token, limit=10, **({"cursor": cursor} if cursor else {})).json()
        seen += [one["request_id"] for one in page["requests"]]
        pages, cursor = pages + 1, page["next_cursor"]
        if cursor is None:
            break

    assert seen == [f"grq_{number:03d}" for number in range(25)]
    assert pages == 3


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"team": "core", "limit": 2}, ["grq_001", "grq_003"]),
        ({"team": "", "end_user": "user-1"}, ["grq_004", "grq_010", "grq_016", "grq_022"]),
        ({"model": "gpt-5"}, []),
        ({"key": "dev", "to": "10s", "limit": 1}, None),
        ({"key": "x\0y"}, []),
        ({"from": "2020-01", "to": "2020-02"}, []),
        ({"status": "server_error"}, ["grq_023"]),
        ({"status": "refused", "team": ""}, ["grq_022"]),
        ({"status": "ok", "team": "core", "limit": 1}, ["grq_001"]),
        ({"outcome": "failed"}, ["grq_023"]),
        ({"error_code": "vk_rate_limit_exceeded"}, ["grq_022"]),
        ({"trace_id": "feed" * 8}, ["grq_023"]),
        ({"trace_id": "feed" * 8, "team": ""}, []),
    ],
)
def test_requests_of_somebody(plane, token, parameters, expected):
    answer = plane.get("/requests", token, **parameters)

    assert answer.status_code == 200
    found = [one["request_id"] for one in answer.json()["requests"]]
    assert found == expected if expected is not None else len(found) == 1


@pytest.mark.parametrize(
    "path", ["/audit?address=%00", "/audit?actor=%00", "/resources?after=%00", "/requests?key=%00"]
)
def test_what_no_database_can_hold_is_no_failure(plane, token, path):
    assert plane.get(path, token).status_code in (200, 400)


def test_one_request(plane, token):
    found = plane.get("/requests/grq_001", token).json()

    assert found["virtual_key"] == "dev"
    assert found["tokens"]["input"] == 1000
    assert (found["cost_nano_usd"], found["cost_usd"]) == (100_000, "0.0001")
    assert found["budgets"][0]["amount"] == 100_000
    assert found["error_code"] == ""
    assert found["attempts"][0] == {
        "provider": "openai",
        "model": "gpt-5-mini",
        "outcome": "ok",
        "began_ms": 2,
        "duration_ms": 398,
    }
    assert datetime.fromisoformat(found["occurred_at"]).timestamp() * 1e6 == pytest.approx(NOW - 1e6, abs=2)
    missing = assert_error(plane.get("/requests/grq_999", token), 404, "not_found", "no_such_request")
    assert "without a known key" in missing["message"]
    assert_error(plane.get("/requests/%00", token), 400, "bad_request")


def test_traffic_over_time(plane, token):
    found = plane.get("/traffic", token).json()

    assert found["slot_s"] == 300
    total = found["total"]
    assert total["endings"] == {"ok": 23, "refused": 1, "client_error": 0, "client_left": 0, "server_error": 1}
    assert total["statuses"] == {"200": 23, "429": 1, "502": 1}
    assert total["p50_ms"] == pytest.approx(420, rel=0.2)
    assert sum(point["requests"] for point in found["points"]) == total["requests"] == 25


def test_providers_and_their_failures(plane, token):
    found = plane.get("/providers", token, **{"from": "1h"}).json()

    (openai,) = found["providers"]
    assert openai["outcomes"] == {"ok": 23, "503": 1}
    assert (openai["attempts"], openai["failures"]) == (24, 1)
    assert openai["error_rate"] == pytest.approx(1 / 24)
    assert openai["last_failure"]["outcome"] == "503"


def metrics_of(plane, accept="*/*"):
    return plane.client.get("/metrics", headers={"authorization": f"Bearer {METRICS_TOKEN}", "accept": accept})


@pytest.mark.parametrize("scope", [None, "admin", "view"])
def test_metrics_are_for_operators_alone(plane, scope):
    headers = {} if scope is None else {"authorization": f"Bearer {plane.token(scope)}"}

    assert_error(plane.client.get("/metrics", headers=headers), 401, "invalid_token", "metrics_token")
    assert metrics_of(plane).status_code == 200


def test_metrics_tell_routes_errors_plans_and_tokens(plane, token):
    ends = NOW + 3 * 86_400_000_000
    ending = plane.token("plan", expires_at=ends)
    plane.get("/requests/grq_001", token)
    plane.client.post(f"{API}/plans", headers={"authorization": f"Bearer {ending}"}, content=b"{")
    wanted = (
        'control_plane_requests_total{method="GET",route="/api/gateway/v1/requests/{request_id}",status="2xx"}',
        'control_plane_plans_total{result="bad_request"}',
        'control_plane_errors_total{type="bad_request"}',
        'control_plane_request_duration_seconds_count{method="GET",route="/api/gateway/v1/requests/{request_id}"}',
        "control_plane_database_up 1.0",
        "control_plane_revision 0.0",
        'control_plane_gateways{state="current"} 0.0',
        'scope="plan"',
        "process_cpu_seconds_total",
    )

    deadline = time.monotonic() + 20
    while [one for one in wanted if one not in metrics_of(plane).text] and time.monotonic() < deadline:
        time.sleep(0.2)

    assert not [one for one in wanted if one not in metrics_of(plane).text]
    told = metrics_of(plane, "application/openmetrics-text")
    families = {family.name: family for family in openmetrics.text_string_to_metric_families(told.text)}
    assert [
        (sample.labels["scope"], sample.value)
        for sample in families["control_plane_token_expires_timestamp_seconds"].samples
        if sample.labels["scope"] == "plan"
    ] == [("plan", ends / 1e6)]


def test_a_request_has_a_line_that_says_who_asked(plane, token):
    headers = {"authorization": f"Bearer {token}", "user-agent": "tool/1", "x-forwarded-for": "203.0.113.9"}
    plane.client.get(f"{API}/requests/nothing-like-it", params={"x": "y"}, headers=headers)

    assert plane.hears("nothing-like-it")
    line = json.loads(next(line for line in plane.log().splitlines() if "nothing-like-it" in line))
    assert {name: line[name] for name in ("method", "path", "route", "client_address", "user_agent", "token_id")} == {
        "method": "GET",
        "path": f"{API}/requests/nothing-like-it",
        "route": f"{API}/requests/{{request_id}}",
        "client_address": "203.0.113.9",
        "user_agent": "tool/1",
        "token_id": plane.token_id(token),
    }
    assert (line["status"], line["error_type"], line["error_code"]) == (400, "bad_request", "unknown_parameter")
    assert line["token"].startswith("view ")
    assert "/healthz" not in plane.log()


def test_the_log_names_no_token(plane, token):
    plane.get("/spend", token)

    assert token not in plane.log()
    assert "lw_admin_" not in plane.log()


def test_a_database_that_goes_away_is_told(tmp_path):
    url = migrated(tmp_path / "gateway.db")
    engine = open_engine(url)
    started = ControlPlane(tmp_path, url)
    secret = started.token()
    try:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE spend_by_day"))
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        engine.dispose()

        ready = started.client.get("/readyz")
        assert ready.status_code == 503
        assert "run: gateway db upgrade" in ready.json()["reason"]
        assert_error(started.get("/spend", secret), 503, "database_unavailable")
        assert_error(started.get("/budgets", secret), 404, "not_found", "no_configuration")
    finally:
        started.stop()
