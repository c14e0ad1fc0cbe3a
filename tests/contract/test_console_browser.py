"""The console in a real browser: what needs a script, a keyboard or eyes."""

import os
import re
import time

import pytest

from gateway.storage.engine import open_engine
from gateway.telemetry.decision_record import AttemptRecord, Charge
from tests.support import launcher
from tests.support.chromium import in_chromium, opened
from tests.support.control_plane import ControlPlane
from tests.support.sqlite import migrated
from tests.unit.ledger.ledger_entries import entry, put

pytestmark = in_chromium

DAY = 24 * 3_600_000_000
CONFIG = """version: 1
owner: platform
organization: acme
teams: {core: {}}
providers: {sim: {type: simulator}}
virtual_keys: {ci: {environment: test, team: core}}
budgets:
  company: {scope: {organization: acme}, window: month, limit_usd: 5}
  people: {scope: {organization: acme}, each: end_user, window: total, limit_usd: "0.000000001"}
"""
DESKTOP, PHONE, LARGE_PHONE = ({"width": w, "height": h} for w, h in ((1280, 800), (360, 740), (390, 844)))
LONG_NAME = "W" * 240


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    directory = tmp_path_factory.mktemp("plane")
    url = migrated(directory / "plane.db")
    engine = open_engine(url)
    now = int(time.time() * 1_000_000)
    put(
        engine,
        *(
            entry(f"grq_{day}_{number}", occurred_at=now - day * DAY // 2, virtual_key="ci", cost_nano_usd=10**7)
            for day in range(20)
            for number in range(day + 1)
        ),
        entry(
            "grq_long",
            occurred_at=now,
            virtual_key=LONG_NAME,
            principal=LONG_NAME,
            end_user=LONG_NAME,
            provider=LONG_NAME,
            model=LONG_NAME,
            outcome=LONG_NAME,
            error_type=LONG_NAME,
            status=502,
            attempts=(AttemptRecord(LONG_NAME, LONG_NAME, LONG_NAME, 0, 5),),
            budgets=(Charge(f"budget:people:organization=acme:total=total:each_end_user={LONG_NAME}", 10),),
        ),
    )
    engine.dispose()
    (directory / "gateway.yaml").write_text(CONFIG)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment |= {"GATEWAY_DATA_DIR": str(directory)}
    command = ["apply", "-c", "gateway.yaml", "-y", "--database", url]
    launcher.run(command, env=environment, directory=directory).check_returncode()
    started = ControlPlane(directory, url)
    node = {"node": LONG_NAME, "version": "9.9.9", "serving_revision": 0, "serving_since": now, "lag_ms": 5}
    headers = {"authorization": f"Bearer {started.token('gateway')}"}
    assert started.client.post("/api/gateway/v1/nodes", json=node, headers=headers).status_code == 204
    yield started
    started.stop()


@pytest.fixture(scope="module")
def browser():
    yield from opened()


@pytest.fixture
def visit(browser, plane):
    """Signs in, and asserts that nothing went wrong on the way: no complaint, no request to anywhere else."""
    contexts, complaints, foreign = [], [], []
    origin = f"http://127.0.0.1:{plane.port}"

    def start(scope="apply", path="/console/spend?from=30d", **options):
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(origin) else foreign.append(request.url))
        page.goto(origin + path)
        page.fill("#token", plane.token(scope))
        page.keyboard.press("Enter")
        page.wait_for_selector("header.top")
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []
    assert foreign == []


def test_the_keyboard_leads_everywhere(visit):
    page = visit()
    page.wait_for_function("document.querySelector('#help') !== null")
    for letter, path in (("b", "/console/budgets"), ("k", "/console/keys"), ("c", "/console/configuration")):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(f"**{path}")
    page.keyboard.press("?")
    assert page.is_visible("dialog#help")
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog#help")
    page.keyboard.press("/")
    page.keyboard.type("ci")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/keys?q=ci")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def _painted(page):
    """How many pixels of the chart are."""
    page.wait_for_selector("figure[data-drawn] canvas")
    return page.evaluate(
        """() => {
          const canvas = document.querySelector("figure canvas");
          const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          return pixels.filter((value, index) => index % 4 === 3 && value > 0).length;
        }"""
    )


def test_charts_are_drawn_and_pages_fit(visit):
    page = visit(color_scheme="dark", viewport=DESKTOP)

    assert _painted(page) > 1000
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) != "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    for path in (
        "/console",
        "/console/providers",
        "/console/spend?from=30d&by=principal,model",
        "/console/requests?from=30d",
        "/console/requests/grq_long",
        "/console/budgets",
        "/console/keys",
        "/console/keys/ci",
        "/console/configuration",
        "/console/configuration/audit",
        "/console/configuration/resources/virtual_keys",
    ):
        page.set_viewport_size(PHONE)
        page.goto(page.url.partition("/console")[0] + path)
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
                path,
                viewport,
            )
    page.set_viewport_size(PHONE)
    page.goto(page.url.partition("/console")[0] + "/console")
    assert _painted(page) > 1000


def test_a_phone_shows_what_matters_before_anybody_scrolls(visit):
    page = visit(viewport=LARGE_PHONE, path="/console/requests?from=30d&key=ci")
    for place in ("tbody .status >> nth=0", "tbody td.id a >> nth=0"):
        assert _right_edge(page, place) <= LARGE_PHONE["width"], place
    page.goto(page.url.partition("/console")[0] + "/console/spend?from=30d&key=ci&by=team")
    assert _right_edge(page, "tbody td.number >> nth=0") <= LARGE_PHONE["width"]
    page.goto(page.url.partition("/console")[0] + "/console/budgets")

    for said in ("ok", "%"):
        assert _right_edge(page, f"tbody td:has-text('{said}') >> nth=0") <= LARGE_PHONE["width"], said
    assert "linear-gradient" in page.evaluate("getComputedStyle(document.querySelector('.scroll')).backgroundImage")


def _right_edge(page, selector):
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"]


def test_the_overview_asks_for_itself_anew(visit):
    page = visit(path="/console")
    page.clock.install()
    page.goto(page.url.partition("?")[0])
    page.wait_for_selector("figure[data-drawn] canvas")
    page.evaluate("document.querySelector('h1').textContent = 'old'")

    with page.expect_request("**/console*") as asked:
        page.clock.run_for(31_000)

    assert asked.value.headers["console-refresh"] == "1"

    page.wait_for_selector("h1:text-is('Overview')")
    page.wait_for_function("document.querySelectorAll('figure[data-drawn] canvas').length === 4")


def test_a_key_is_rotated_in_a_dialog(visit, browser):
    page = visit(path="/console/keys/ci", permissions=["clipboard-read", "clipboard-write"])
    page.click("a.button:text-is('Rotate')")
    assert page.is_visible("dialog#dialog-rotate")
    page.click("dialog#dialog-rotate >> text=Cancel")
    assert not page.is_visible("dialog#dialog-rotate")
    page.click("a.button:text-is('Rotate')")
    page.select_option("dialog#dialog-rotate select", "3600")
    page.click("dialog#dialog-rotate button.primary")

    page.wait_for_selector("[data-secret]")
    secret = page.text_content("[data-secret]")
    assert re.fullmatch(r"lw_vk_test_\w{26}", secret)
    page.click("[data-copy]")
    page.wait_for_selector("button:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.click("text=To the key")
    page.wait_for_selector("text=in rotation")
    assert secret not in page.content()


def test_everything_but_charts_works_without_scripts(visit):
    page = visit(path="/console/keys/ci", java_script_enabled=False)
    page.click("text=Disable")
    page.click("button:has-text('Disable')")
    page.wait_for_selector("text=Done: disable")
    page.click("text=To the key")
    page.click("text=Enable")
    page.click("button:has-text('Enable')")
    page.goto(page.url.partition("/console")[0] + "/console/spend?from=30d")
    page.click("summary:has-text('Figures')")
    assert page.is_visible("figure table")
    assert not page.is_visible("figure .plot")


def test_a_viewer_sees_no_button_and_signs_out(visit):
    page = visit("view", "/console/keys/ci")
    assert page.locator("a.button").count() == 0
    page.click("text=Sign out")
    page.wait_for_url("**/console/sign-in")
    page.go_back()
    page.wait_for_url("**/console/sign-in*")
