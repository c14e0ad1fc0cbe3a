"""The console from outside: sessions, forms, headers, and what its pages say; on SQLite and on PostgreSQL."""

import csv
import hashlib
import io
import json
import os
import re
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text

import gateway.control_plane.console
from gateway.control_plane.encryption import generate_key
from gateway.storage.console_tables import console_sessions
from gateway.storage.engine import open_engine, writing
from gateway.storage.tables import resources
from gateway.telemetry.decision_record import AttemptRecord, Charge
from tests.support import launcher
from tests.support.console import Visitor, hidden, text_of
from tests.support.control_plane import ControlPlane
from tests.unit.ledger.ledger_entries import entry, put
from tests.unit.storage.databases import module_database_url

__all__ = ["module_database_url"]

NOW = int(time.time() * 1_000_000)
CANARY = "sk-canary-of-the-provider"
MANY = 230
REFUSED = 59
"""The number of a request that no provider began to answer."""
HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(2)>\u202e'
CONFIG = """version: 1
owner: platform
organization: acme
teams: {core: {}}
providers:
  sim: {type: simulator}
  openai: {type: openai, api_key: "${env:CANARY}"}
virtual_keys:
  ci: {environment: test, team: core, models_allowed: ["gpt-5*"]}
  old: {environment: test, expires_at: 2020-01-01T00:00:00Z}
budgets:
  company: {scope: {organization: acme}, window: total, limit_usd: 0.001}
  people: {scope: {team: core}, each: end_user, window: total, limit_usd: "5"}
"""
PAGES = (
    "/console",
    "/console/spend",
    "/console/spend.csv",
    "/console/budgets",
    "/console/keys",
    "/console/keys/ci",
    "/console/providers",
    "/console/requests",
    "/console/requests/grq_001",
    "/console/requests/grq_hostile",
    "/console/configuration",
    "/console/configuration/audit",
    "/console/configuration/resources/providers",
    "/console/configuration/resources/providers/openai",
    "/console/search?q=x",
)
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory, module_database_url):
    directory = tmp_path_factory.mktemp("plane")
    engine = open_engine(module_database_url)
    put(
        engine,
        *(
            entry(
                f"grq_{number:03d}",
                occurred_at=NOW - number * 60_000_000,
                team="core" if number % 2 else "",
                virtual_key="ci",
                end_user=f"user-{number % 3}",
                cost_nano_usd=100_000,
                status=(200, 502, 403)[number % 3],
                outcome=("ok", "upstream_error", "refused")[number % 3],
                trace_id=f"{number:032x}",
                duration_ms=800,
                first_byte_ms=None if number == REFUSED else 400,
                attempts=(
                    AttemptRecord("sim", "gpt-5", "503", 5, 95),
                    AttemptRecord("openai", "gpt-5", "ok", 100, 600),
                ),
                price={"input": 250_000_000, "per_request": 1000},
                budgets=(
                    Charge("budget:company:organization=acme:total=total", 100_000),
                    Charge("budget:company:unit=tokens:organization=acme:total=total", 1100),
                    Charge(f"budget:people:team=core:total=total:each_end_user=u{number % 30}", 7),
                ),
            )
            for number in range(60)
        ),
        entry(
            "grq_hostile",
            occurred_at=NOW,
            virtual_key=HOSTILE,
            principal=HOSTILE,
            project="=1+1",
            model=HOSTILE,
            model_asked=HOSTILE,
            end_user=HOSTILE,
            provider=HOSTILE,
            tags=(HOSTILE,),
            outcome=HOSTILE,
            error_type=HOSTILE,
            trace_id="../x?y=z",
            denied_by=HOSTILE,
            usage_warning=f"unpriced: model {HOSTILE}",
            attempts=(AttemptRecord(HOSTILE, HOSTILE, HOSTILE, 0, 5),),
            budgets=(Charge(HOSTILE, 1),),
        ),
    )
    trace_url = ("--console-trace-url", "https://traces.example.com/{trace_id}")
    started = ControlPlane(directory, module_database_url, *trace_url, env={"GATEWAY_ENCRYPTION_KEYS": generate_key()})
    (directory / "gateway.yaml").write_text(CONFIG)
    for limit in ("0.001", "0.002"):
        (directory / "gateway.yaml").write_text(CONFIG.replace("0.001", limit))
        _apply(started, directory)
    _report(started)
    with writing(engine) as connection:
        row = connection.execute(resources.select().where(resources.c.name == "ci")).mappings().one()
        many = [{**row, **_made_up(number, row["spec"])} for number in range(MANY)]
        connection.execute(resources.insert(), many)
    engine.dispose()
    yield started
    started.stop()


def _report(plane):
    said = {"version": "9.9.9", "serving_revision": 1, "serving_since": NOW, "lag_ms": 5}
    headers = {"authorization": f"Bearer {plane.token('gateway')}"}
    for name, more in (
        ("gw-a", {"open_circuits": ["sim"]}),
        ("gw-b", {"rejected_revision": 2, "rejected_because": HOSTILE}),
    ):
        body = {"node": name, **said, **more}
        assert plane.client.post("/api/gateway/v1/nodes", json=body, headers=headers).status_code == 204


def _made_up(number, spec):
    spec = {**spec, "secret_hash": f"hmac-sha256:{number:064x}"}
    return {"name": f"key-{number:04d}", "owner": "import", "spec": spec}


def _apply(plane: ControlPlane, directory: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment |= {"CANARY": CANARY, "GATEWAY_CONTROL_PLANE_TOKEN": plane.token("apply")}
    command = ["apply", "-c", "gateway.yaml", "-y", "--control-plane", f"http://127.0.0.1:{plane.port}"]
    launcher.run(command, env=environment, directory=directory).check_returncode()


@pytest.fixture(scope="module")
def visit(plane):
    """Makes visitors that leave with the module."""
    came: list[Visitor] = []

    def make(address: str = "127.0.0.1") -> Visitor:
        came.append(Visitor(plane, address=address))
        return came[-1]

    yield make
    for visitor in came:
        visitor.client.close()


@pytest.fixture(scope="module")
def viewer(plane, visit):
    visitor = visit()
    assert visitor.sign_in(plane.token()).status_code == 303
    return visitor


@pytest.fixture(scope="module")
def operator(plane, visit):
    visitor = visit()
    assert visitor.sign_in(plane.token("apply")).status_code == 303
    return visitor


def set_sessions(plane, **values):
    engine = open_engine(plane.database_url)
    with engine.begin() as connection:
        connection.execute(console_sessions.update().values(values))
    engine.dispose()


def test_the_bare_address_leads_to_the_console(plane):
    assert plane.client.get("/").headers["location"] == "/console"


@pytest.mark.parametrize("path", PAGES)
def test_every_page_wants_a_session(plane, path):
    answer = plane.client.get(path, headers={"authorization": f"Bearer {plane.token('admin')}"})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in?next=%2Fconsole" if path else "")
    assert "core" not in answer.text


def test_a_link_on_another_site_is_followed_once_more_so_that_the_cookie_comes_along(plane, viewer):
    answer = plane.client.get("/console/spend?by=model&from=7d", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 200
    assert 'content="0; url=/console/spend?by=model&amp;from=7d"' in answer.text
    assert viewer.get("/console/spend", by="model").status_code == 200


def test_signing_in_and_out(plane, visit):
    visitor, token = visit(), plane.token()

    answer = visitor.sign_in(token, "/console/budgets?limit=5")

    assert (answer.status_code, answer.headers["location"]) == (303, "/console/budgets?limit=5")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("gateway_console="))
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
    assert not re.search(r"expires|max-age|domain", cookie, re.IGNORECASE)
    page = visitor.get("/console/budgets")
    assert page.status_code == 200
    answer = visitor.send("/console/sign-out", {"form_token": hidden(page.text)["form_token"]})
    assert answer.status_code == 303
    visitor.client.cookies.set("gateway_console", cookie.partition("=")[2].partition(";")[0])
    assert visitor.get("/console/budgets").status_code == 303


def test_the_log_tells_who_signed_in_and_out_and_from_where(plane, visit):
    visitor, token = visit("127.0.0.6"), plane.token()
    id_ = plane.token_id(token)

    visitor.sign_in(token)
    visitor.send("/console/sign-out", {"form_token": hidden(visitor.get("/console/keys").text)["form_token"]})
    visitor.sign_in("nonsense")

    for said in (
        f"the token {id_} signed in to the console from 127.0.0.6",
        f"the token {id_} signed out of the console from 127.0.0.6",
        "a sign-in to the console from 127.0.0.6 was refused",
    ):
        assert plane.hears(said), plane.log()


def test_signing_in_again_leaves_no_session_behind(plane, visit):
    visitor = visit()
    visitor.sign_in(plane.token())
    first = {"cookie": f"gateway_console={visitor.client.cookies['gateway_console']}"}
    assert plane.client.get("/console/budgets", headers=first).status_code == 200

    visitor.sign_in(plane.token())

    assert visitor.get("/console/budgets").status_code == 200
    assert plane.client.get("/console/budgets", headers=first).status_code == 303


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/console/\\evil", "/console\r\nX: y", "/api"]
)
def test_signing_in_leads_to_pages_of_the_console_only(plane, target, visit):
    assert visit().sign_in(plane.token(), target).headers["location"] == "/console"


def test_who_cannot_sign_in(plane, visit):
    visitor = visit("127.0.0.3")
    revoked = plane.token()
    plane.revoke(revoked)
    for token in (revoked, plane.token(expires_at=NOW - 1), plane.token("gateway"), "", "nonsense", "\u00fc\x00"):
        answer = visitor.sign_in(token)
        assert answer.status_code == 403
        assert "unknown, expired or revoked" in text_of(answer.text)
        assert "gateway_console=" not in str(answer.headers)


def test_nobody_is_signed_in_by_somebody_elses_form(plane, visit):
    form = {"token": plane.token(), "form_token": "x" * 43}
    visitor = visit("127.0.0.4")

    assert visitor.send("/console/sign-in", form).status_code == 403
    own = {**hidden(visitor.get("/console/sign-in").text), "token": form["token"]}
    assert visitor.send("/console/sign-in", own, sec_fetch_site="cross-site").status_code == 403
    assert visitor.send("/console/sign-in", own, origin="").status_code == 403
    assert visitor.send("/console/sign-in", own, sec_fetch_site="same-origin", origin="null").status_code == 303


def test_failures_to_sign_in_are_bounded_by_address(plane, visit):
    visitor = visit("127.0.0.2")
    for _ in range(10):
        assert visitor.sign_in("nonsense").status_code == 403

    answer = visitor.sign_in("nonsense")

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert visit().sign_in("nonsense").status_code == 403


def test_failures_of_others_behind_the_same_proxy_keep_nobody_out(plane, visit):
    for _ in range(11):
        answer = visit("127.0.0.5").sign_in("nonsense")
    assert answer.status_code == 429

    assert visit("127.0.0.5").sign_in(plane.token()).status_code == 303


def test_a_session_ends_with_its_token_and_with_time(plane, visit):
    token, now = plane.token(), int(time.time() * 1_000_000)
    hour = 3_600_000_000
    visitor = visit()
    visitor.sign_in(token)
    assert visitor.get("/console/spend").status_code == 200
    for values in ({"last_seen_at": now - 8 * hour - 1}, {"expires_at": now - 1}):
        engine = open_engine(plane.database_url)
        with engine.begin() as connection:
            kept = [dict(row) for row in connection.execute(text("SELECT * FROM console_sessions")).mappings()]
        set_sessions(plane, **values)
        assert visitor.get("/console/spend").status_code == 303
        with engine.begin() as connection:
            for row in kept:
                assert row["expires_at"] - row["created_at"] <= 24 * hour
                connection.execute(
                    text(
                        "UPDATE console_sessions SET last_seen_at = :last_seen_at, expires_at = :expires_at "
                        "WHERE digest = :digest"
                    ),
                    row,
                )
        engine.dispose()
    assert visitor.get("/console/spend").status_code == 200

    plane.revoke(token)

    assert visitor.get("/console/spend").status_code == 303


def test_what_a_script_asks_for_by_itself_keeps_no_session_open(plane, visit):
    visitor = visit()
    visitor.sign_in(plane.token())
    cookie = visitor.client.cookies["gateway_console"]
    before = int(time.time() * 1_000_000) - 2 * 3_600_000_000
    digest = hashlib.sha256(cookie.encode()).hexdigest()
    set_sessions(plane, last_seen_at=before)

    assert visitor.client.get("/console", headers={"console-refresh": "1"}).status_code == 200
    assert _last_seen(plane, digest) == before
    assert visitor.get("/console").status_code == 200
    assert _last_seen(plane, digest) > before


def _last_seen(plane, digest):
    engine = open_engine(plane.database_url)
    with engine.connect() as connection:
        found = connection.scalar(select(console_sessions.c.last_seen_at).where(console_sessions.c.digest == digest))
    engine.dispose()
    return found


def test_the_database_and_the_log_know_no_cookie(plane, visit):
    visitor, token = visit(), plane.token()
    visitor.sign_in(token)
    cookie = visitor.client.cookies["gateway_console"]
    engine = open_engine(plane.database_url)
    with engine.connect() as connection:
        digests = set(connection.scalars(text("SELECT digest FROM console_sessions")))
    engine.dispose()

    assert hashlib.sha256(cookie.encode()).hexdigest() in digests
    assert cookie not in digests
    assert cookie not in plane.log()
    assert token not in plane.log()


@pytest.mark.parametrize(
    ("headers", "forge"),
    [
        ({"origin": "https://evil.example"}, {}),
        ({"origin": "null"}, {}),
        ({"origin": ""}, {}),
        ({"sec_fetch_site": "same-site"}, {}),
        ({"sec_fetch_site": "cross-site"}, {}),
        ({}, {"form_token": ""}),
        ({}, {"form_token": "0" * 64}),
        ({}, {"form_token": "\u00fc"}),
    ],
)
def test_a_forged_form_changes_nothing(plane, operator, headers, forge):
    form = hidden(operator.get("/console/keys/ci/disable").text)

    answer = operator.send("/console/keys/ci/disable", {**form, **forge}, **headers)

    assert answer.status_code == 403
    assert "active" in text_of(operator.get("/console/keys/ci").text)


def test_what_is_no_form_is_refused(operator):
    send = operator.client.post
    assert send("/console/keys/ci/disable", json={}, headers={"origin": operator.origin}).status_code == 415
    form = {"content-type": "application/x-www-form-urlencoded", "origin": operator.origin}
    assert send("/console/keys/ci/disable", content=b"x=" + b"y" * 70_000, headers=form).status_code == 413
    assert send("/console/keys/ci/disable", content=b"\xff", headers=form).status_code == 400
    assert operator.client.put("/console/keys/ci").status_code == 405


def test_a_viewer_looks_and_does_not_act(viewer, operator):
    form = hidden(operator.get("/console/keys/ci/rotate").text) | {
        "form_token": hidden(viewer.get("/console").text or "").get("form_token", "")
    }
    form["form_token"] = hidden(viewer.get("/console/keys/ci").text)["form_token"]

    assert viewer.send("/console/keys/ci/rotate", form).status_code == 403
    assert viewer.get("/console/new-key").status_code == 403
    assert "Rotate" not in viewer.get("/console/keys/ci").text
    assert "Rotate" in operator.get("/console/keys/ci").text


@pytest.mark.parametrize(
    "path", [*PAGES, "/console/sign-in", "/console/nothing", "/console/keys/none", "/console/static/x/y"]
)
def test_every_answer_has_its_headers(viewer, path):
    answer = viewer.get(path)

    assert answer.status_code != 500
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "permissions-policy" in answer.headers
    assert not re.search(r"<style|<[^>]*\s(style|on\w+)=|<script(?! src| type=\"application/json\")", answer.text)


@pytest.mark.parametrize("path", ["/", *PAGES, "/console/sign-in", "/console/keys/none"])
def test_head_is_answered_as_get_without_a_body(viewer, path):
    head, answer = viewer.client.head(path), viewer.get(path)

    assert (head.status_code, head.content) == (answer.status_code, b"")
    assert head.headers.get("content-type") == answer.headers.get("content-type")
    assert viewer.client.head("/console/sign-out").status_code == 405


def test_the_api_reads_no_cookie(plane, operator):
    assert operator.client.get("/api/gateway/v1/spend").status_code == 401
    with httpx.Client(base_url=operator.origin, trust_env=False) as client:
        answer = client.get("/api/gateway/v1/spend", headers={"authorization": f"Bearer {plane.token()}"})
    assert "set-cookie" not in answer.headers


def test_pages_show_names_that_clients_made_up_as_text(viewer):
    pages = [
        viewer.get("/console/spend", by=by, **{"from": "30d"})
        for by in ("virtual_key,principal", "project", "provider,model")
    ]
    pages += [viewer.get("/console/spend", model=HOSTILE, by="day"), viewer.get("/console/keys", q=HOSTILE)]
    pages += [viewer.get("/console/configuration/audit", address=HOSTILE), viewer.get("/console/search", q=HOSTILE)]
    pages += [viewer.get("/console/configuration")]
    pages += [viewer.get("/console"), viewer.get("/console/providers"), viewer.get("/console/requests")]
    pages += [viewer.get("/console/requests/grq_hostile"), viewer.get("/console/requests", model=HOSTILE)]
    pages += [viewer.get(f"/console/keys/{HOSTILE}"), viewer.get("/console/spend", by=HOSTILE)]
    for page in pages:
        assert page.status_code != 500
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        for block in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page.text, re.DOTALL):
            assert json.loads(block)["labels"]
    assert "\\u202e" in pages[0].text
    assert "<script>alert(1)" in text_of(pages[2].text)


def test_no_page_has_a_credential(plane, viewer):
    for path in (*PAGES, "/console/configuration/applies/" + _plan_id(viewer)):
        assert CANARY not in viewer.get(path).text
    assert "(sensitive)" in viewer.get("/console/configuration/resources/providers/openai").text
    assert "(sensitive)" in viewer.get("/console/configuration/resources/providers").text


def _plan_id(viewer):
    return re.search(r"/applies/(pl_\w+)", viewer.get("/console/configuration").text)[1]


def test_the_history_shows_what_an_apply_changed(viewer):
    shown = text_of(viewer.get(f"/console/configuration/applies/{_plan_id(viewer)}").text)

    assert "limit_usd 0.001 -> 0.002" in shown
    assert "WIDENS ACCESS" in shown
    assert viewer.get("/console/configuration/applies/pl_none").status_code == 404


def test_spend_is_what_the_api_reports(plane, viewer):
    asked = {"by": "team", "from": "1d", "key": "ci"}

    page = viewer.get("/console/spend", **asked)
    download = viewer.get("/console/spend.csv", **asked)

    found = plane.get("/spend", plane.token(), **asked).json()
    assert [row["requests"] for row in found["rows"]] == [30, 30]
    assert "$0.003 " in text_of(page.text)
    assert download.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(download.text)))
    assert [(row["team"], row["cost_nano_usd"]) for row in rows] == [("", "3000000"), ("core", "3000000")]
    assert "by=project" in page.text


def test_spend_says_what_it_leaves_out(plane, viewer):
    period = {"by": "team", "from": "1d"}

    all_of_it = text_of(viewer.get("/console/spend", **period).text)
    priced = text_of(viewer.get("/console/spend", **period, key="ci").text)

    assert "1 model without a price, 1 request: what these cost is in no sum." in all_of_it
    assert "without a price" not in priced
    told = plane.get("/spend", plane.token(), **period).json()
    assert (told["unpriced"]["requests"], told["total"]["unpriced_requests"]) == (1, 1)
    assert [(one["model"], one["requests"]) for one in told["unpriced"]["models"]] == [(HOSTILE, 1)]


def test_what_has_no_price_is_listed(plane, viewer):
    page = text_of(viewer.get("/console/spend/unpriced", **{"from": "1d"}).text)
    priced = text_of(viewer.get("/console/spend/unpriced", **{"from": "1d"}, key="ci").text)

    (told,) = plane.get("/spend/unpriced", plane.token(), **{"from": "1d"}).json()["models"]
    assert (told["provider"], told["model"], told["requests"], told["refused"]) == (HOSTILE, HOSTILE, 1, 0)
    assert "Without a price" in page
    assert "Requests Refused Input tokens Output tokens Last" in page
    assert "All that was used in this period has a price, as far as these filters go." in priced
    assert "/console/spend/unpriced?from=1d" in viewer.get("/console/spend", by="team", **{"from": "1d"}).text
    assert plane.get("/spend/unpriced", plane.token(), by="team").status_code == 400


def test_a_filter_of_the_form_leads_to_the_narrower_view(viewer):
    answer = viewer.get("/console/spend", by="team", filter="team", value="")

    assert answer.headers["location"] == "/console/spend?by=team&team="
    assert "team (none)" in text_of(viewer.get(answer.headers["location"]).text)
    assert viewer.get("/console/spend", filter="colour", value="red").status_code == 200


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/console/spend?by=colour", "by: 'colour' is none of"),
        ("/console/spend?from=soon", "from: 'soon' is no date"),
        ("/console/spend?nonsense=1", "There is no parameter 'nonsense' here"),
        ("/console?from=2001-01-01", "from: this page shows 400 days at once"),
        ("/console/keys?state=odd", "state: 'odd' is none of"),
        ("/console/requests?status=odd", "status: 'odd' is none of"),
        ("/console/budgets?limit=0", "limit: '0' is no whole number"),
        ("/console/configuration/audit?before=x", "before: "),
    ],
)
def test_what_cannot_be_asked_is_told(viewer, path, said):
    answer = viewer.get(path)

    assert answer.status_code == 400
    assert said in text_of(answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "/console/keys/%00",
        "/console/keys/%00/revoke",
        "/console/keys?after=%00",
        "/console/keys?q=%00",
        "/console/requests/%00",
        "/console/requests?key=%00",
        "/console/configuration/audit?actor=%00",
        "/console/configuration/applies/%00",
        "/console/configuration/resources/providers/%00",
        "/console/configuration/resources/providers?after=%00",
    ],
)
def test_what_no_database_can_hold_is_refused_or_not_found(operator, path):
    assert operator.get(path).status_code in (200, 400, 404)


@pytest.mark.parametrize("field", ["name", "nonce"])
def test_a_form_with_what_a_database_may_not_hold_is_no_failure(operator, field):
    asked = {"name": "never-made", "environment": "test", "team": "nobody", field: "\x00"}

    assert operator.act("/console/new-key", **asked).status_code in (400, 409)


def test_budgets_of_the_applied_configuration(plane, viewer):
    shown = text_of(viewer.get("/console/budgets").text)

    assert "company organization acme exceeded 300 % $0.006 \u2013 $0.002" in shown
    assert "end user u0 ok 0 % $0.000000014" in shown
    assert "10 more under people, which spent less. Show 200" in shown
    assert "No budget is in this state" in viewer.get("/console/budgets", state="warning").text
    names = {row["budget"] for row in plane.get("/budgets", plane.token()).json()["budgets"]}
    assert names == {"company", "people"}


def test_the_overview_tells_what_needs_attention(viewer):
    page = viewer.get("/console")

    shown = text_of(page.text)
    assert "Requests 61" in shown
    assert "Server errors 21" in shown
    assert "Refused 20" in shown
    assert "Circuit of sim is open its calls kept failing; left alone at present by gw-a" in shown
    assert "gw-a serves revision 1, not 2; reported just now" in shown
    assert "gw-b refuses revision 2; reported just now" in shown
    assert "Budget company 300 % used, refuses requests" in shown
    assert "21 requests ended with a server error in this period" in shown
    assert "1 model without a price 1 request: what these cost is in no sum" in shown
    charts = [json.loads(block) for block in re.findall(r'"application/json" id="\w+">(.*?)</script>', page.text)]
    assert [chart["title"] for chart in charts][:2] == ["Requests", "Not answered"]
    assert sum(charts[0]["series"][0]["values"]) == 61
    assert sum(charts[3]["series"][0]["values"]) == 60 * 100_000 + 290_000
    assert viewer.get("/console", **{"from": "2020-01-01", "to": "2020-01-02"}).text.count("No requests") == 1


def test_providers_with_their_failures(viewer):
    shown = text_of(viewer.get("/console/providers").text)

    assert "openai openai healthy closed 60 0 0 % 560 ms 604 ms 0 none ok 60" in shown
    assert "sim simulator failing open at gw-a 60 60 100 %" in shown
    assert "503 60" in shown


def test_requests_page_by_page(viewer):
    seen, path = [], "/console/requests?limit=25&key=ci"
    while path:
        page = viewer.get(path).text
        seen += re.findall(r'href="/console/requests/(grq_\d+)"', page)
        following = re.search(r'href="([^"]*)" rel="next"', page)
        path = following and following[1].replace("&amp;", "&")

    assert seen == [f"grq_{number:03d}" for number in range(60)]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"status": "server_error", "key": "ci"}, 20),
        ({"status": "refused", "team": "core"}, 10),
        ({"outcome": "upstream_error"}, 20),
        ({"trace_id": f"{7:032x}"}, 1),
        ({"trace_id": "f" * 32}, 0),
        ({"error_code": "x"}, 0),
    ],
)
def test_requests_that_are_looked_for(viewer, asked, found):
    page = viewer.get("/console/requests", **asked)

    assert page.status_code == 200
    assert len(re.findall(r'href="/console/requests/(grq_\d+)"', page.text)) == found


def test_a_trace_that_is_not_found_says_what_the_ledger_never_has(viewer):
    shown = text_of(viewer.get("/console/requests", trace_id="f" * 32).text)

    assert "No request of this trace" in shown
    assert "requests without a known key are in the log and in traces only" in shown


def test_one_request_with_its_whole_story(viewer):
    page = viewer.get("/console/requests/grq_001")

    shown = text_of(page.text)
    assert "502 upstream_error" in shown
    assert "sim gpt-5 503 5 ms 95 ms" in shown
    assert "openai gpt-5 ok 100 ms 600 ms" in shown
    assert "price input $0.25 for a million tokens" in shown
    assert "cost $0.0001" in shown
    assert "company organization=acme:total=total $0.0001" in shown
    assert "company unit=tokens:organization=acme:total=total 1,100 tokens" in shown
    assert f'href="https://traces.example.com/{1:032x}"' in page.text
    assert "model served openai/gpt-5" in shown
    assert "resolved to openai/gpt-5" in text_of(viewer.get(f"/console/requests/grq_{REFUSED:03d}").text)
    hostile = viewer.get("/console/requests/grq_hostile").text
    assert 'href="https://traces.example.com/..%2Fx%3Fy%3Dz"' in hostile
    missing = viewer.get("/console/requests/grq_none")
    assert missing.status_code == 404
    assert "requests without a known key are in the log and in traces only" in text_of(missing.text)


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        (" grq_001 ", "/console/requests/grq_001"),
        ("grq_01k00000000000000000000abc", "/console/requests/grq_01K00000000000000000000ABC"),
        ("GRQ_01K00000000000000000000ABC", "/console/requests/grq_01K00000000000000000000ABC"),
        ("A" * 32, f"/console/requests?trace_id={'a' * 32}"),
        ("0AF76519-16CD-43DD-8448-EB211C80319C", "/console/requests?trace_id=0af7651916cd43dd8448eb211c80319c"),
        (f"00-{'a' * 32}-{'b' * 16}-01", f"/console/requests?trace_id={'a' * 32}"),
        (f"traceparent: 00-{'a' * 32}-{'b' * 16}-01", f"/console/requests?trace_id={'a' * 32}"),
        (f"{'a' * 31}", f"/console/keys?q={'a' * 31}"),
        ("grq_", "/console/keys?q=grq_"),
        ("ci", "/console/keys?q=ci"),
        ("", "/console/keys"),
    ],
)
def test_the_search_box(viewer, typed, target):
    assert viewer.get("/console/search", q=typed).headers["location"] == target


def test_keys_page_by_page(viewer):
    seen, path = [], "/console/keys?owner=import"
    while path:
        page = viewer.get(path).text
        seen += re.findall(r'href="/console/keys/(key-\d+)"', page)
        following = re.search(r'href="([^"]*)" rel="next"', page)
        path = following and following[1].replace("&amp;", "&")

    assert seen == [f"key-{number:04d}" for number in range(MANY)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"q": "KEY-000"}, 10),
        ({"q": "core", "environment": "test"}, MANY + 1),
        ({"q": "100%_"}, 0),
        ({"state": "expired"}, 1),
        ({"state": "revoked"}, 0),
        ({"environment": "live"}, 0),
        ({"owner": "import"}, MANY),
        ({"owner": "nobody"}, 0),
        ({"q": "", "state": "", "environment": "", "owner": ""}, MANY + 2),
    ],
)
def test_keys_that_are_looked_for(viewer, wanted, found):
    assert f"Virtual keys {found} " in text_of(viewer.get("/console/keys", **wanted).text)


def test_a_key_with_everything_that_is_known_of_it(viewer):
    shown = text_of(viewer.get("/console/keys/ci").text)

    assert "models_allowed [gpt-5*]" in shown
    assert "Requests, 30 days 60" in shown
    assert "grq_000" in shown
    assert "create" in shown
    assert "previous" not in shown
    assert viewer.get("/console/keys/none").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/console/keys/ci",
        "/console/configuration/resources/virtual_keys",
        "/console/configuration/resources/virtual_keys/ci",
        "/console/configuration/audit?address=virtual_keys.ci",
    ],
)
def test_hashes_are_shown_by_their_beginning_as_plans_do(viewer, path):
    shown = text_of(viewer.get(path).text)

    assert re.search(r"secret_hash:? hmac-sha256:[0-9a-f]{8}\u2026", shown)
    assert not re.search(r"[0-9a-f]{64}", shown)


def test_a_rotated_key_shows_its_secret_once(plane, operator):
    form = hidden(operator.get("/console/keys/key-0001/rotate").text)

    first = operator.send("/console/keys/key-0001/rotate", {**form, "grace_s": "3600"})
    again = operator.send("/console/keys/key-0001/rotate", {**form, "grace_s": "3600"})

    secret = re.search(r"lw_vk_test_\w{26}", first.text)[0]
    assert "lw_vk_" not in again.text
    assert "done already" in again.text
    assert "lw_vk_" not in operator.get("/console/keys/key-0001").text
    entries = plane.get("/audit", plane.token(), address="virtual_keys.key-0001").json()["entries"]
    assert [(one["action"], one["actor"].split()[0]) for one in entries] == [("rotate", "apply")]
    assert secret not in json.dumps(entries)
    assert secret not in plane.log()
    assert "in rotation" in text_of(operator.get("/console/keys/key-0001").text)


def test_the_life_of_a_key(operator):
    for verb, state in (("disable", "disabled"), ("enable", "active"), ("revoke", "revoked")):
        assert "Done" in operator.act(f"/console/keys/key-0002/{verb}").text
        assert f"key-0002 {state}" in text_of(operator.get("/console/keys/key-0002").text)

    refused = operator.act("/console/keys/key-0002/rotate")
    assert refused.status_code == 409
    assert "revoked, which is final" in refused.text
    assert operator.get("/console/keys/key-0002/explode").status_code == 404
    assert operator.get("/console/keys/nobody/revoke").status_code == 404


def test_a_new_key(operator):
    made = operator.act(
        "/console/new-key", name="by-hand", environment="test", team="core", models_allowed="gpt-5*, o3"
    )

    assert re.search(r"lw_vk_test_\w{26}", made.text)
    assert "models_allowed [gpt-5*, o3]" in text_of(operator.get("/console/keys/by-hand").text)
    wrong = operator.act("/console/new-key", name="by-hand-2", environment="test", team="nobody")
    assert wrong.status_code == 409
    assert "nobody" in text_of(wrong.text)
    assert 'value="by-hand-2"' in wrong.text
    late = text_of(operator.act("/console/new-key", name="by-hand-4", environment="test", expires_at="tomorrow").text)
    assert "expires_at: a date and time with a zone belongs here" in late


def test_without_a_pepper_the_form_of_a_new_key_offers_what_it_can_make(operator):
    page = operator.get("/console/new-key").text

    assert re.findall(r"<option[^>]*>(\w+)", page) == ["test"]
    assert "GATEWAY_KEY_PEPPER" in text_of(page)
    refused = operator.act("/console/new-key", name="by-hand-3", environment="live")
    assert refused.status_code == 400
    assert "secret_hash" not in text_of(refused.text)


def test_with_a_pepper_the_form_of_a_new_key_makes_live_ones(tmp_path, module_database_url):
    plane = ControlPlane(tmp_path, module_database_url, env={"GATEWAY_KEY_PEPPER": "p" * 32})
    visitor = Visitor(plane)
    try:
        visitor.sign_in(plane.token("apply"))
        page = visitor.get("/console/new-key").text
    finally:
        visitor.client.close()
        plane.stop()

    assert re.findall(r"<option[^>]*>(\w+)", page) == ["live", "test"]


def test_the_list_of_keys_keeps_the_owner_that_it_is_narrowed_to(viewer):
    page = viewer.get("/console/keys", owner="import").text

    assert 'name="owner" value="import"' in page
    assert "Clear" in text_of(page)
    assert "No key matches" in text_of(viewer.get("/console/keys", owner="nobody").text)


def test_files_are_kept_for_good_under_the_name_of_their_content(viewer):
    page = viewer.get("/console/sign-in").text
    urls = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', page)
    assert len(urls) == 6
    for url in urls:
        answer = viewer.get(url)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = viewer.client.get(url, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert viewer.get("/console/static/0000000000000000/console.css").status_code == 404
    assert viewer.get("/console/static/x/../../app.py").status_code == 404


def test_the_vendored_library_is_what_its_note_says():
    directory = Path(gateway.control_plane.console.__file__).parent / "static" / "vendor" / "uplot"
    said = dict(re.findall(r"`(\S+)` \| `([0-9a-f]{64})`", (directory / "README.md").read_text()))

    assert len(said) == 2
    assert said == {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in said}


@pytest.fixture(scope="module")
def tls_plane(tmp_path_factory, module_database_url):
    """A console behind a proxy that speaks TLS."""
    started = ControlPlane(tmp_path_factory.mktemp("tls"), module_database_url, "--allow-remote-http")
    yield started
    started.stop()


def test_cookies_are_for_tls_alone_where_browsers_come_over_it(tls_plane):
    cookie = tls_plane.client.get("/console/sign-in").headers["set-cookie"]

    assert cookie.startswith("__Host-gateway_console_sign_in=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))


@pytest.mark.parametrize(("scheme", "status"), [("https", 303), ("http", 403)])
def test_forms_come_over_tls_where_browsers_do(tls_plane, scheme, status):
    page = tls_plane.client.get("/console/sign-in")
    cookie = page.headers["set-cookie"].partition(";")[0]
    origin = f"{scheme}://127.0.0.1:{tls_plane.port}"

    answer = tls_plane.client.post(
        "/console/sign-in",
        data={**hidden(page.text), "token": tls_plane.token()},
        headers={"cookie": cookie, "origin": origin},
    )

    assert answer.status_code == status


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_read_stands_out_from_its_ground(scheme):
    """WCAG 2.2, 1.4.3: 4.5 to 1 for text."""
    css = (Path(gateway.control_plane.console.__file__).parent / "static" / "console.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light + (dark if scheme == "dark" else "")))

    for text_colour in ("text", "muted", "accent", "good", "warn", "bad", "idle"):
        for ground in ("ground", "raised"):
            assert _contrast(colours[text_colour], colours[ground]) >= 4.5, (text_colour, ground)
    assert _contrast(colours["on-accent"], colours["accent"]) >= 4.5
    assert _contrast(colours["text"], colours["accent-soft"]) >= 4.5
    assert _contrast(colours["muted"], colours["accent-soft"]) >= 4.5


def _contrast(one, other):
    def light(colour):
        parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
