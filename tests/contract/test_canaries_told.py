"""A value that came from a reference, in every field that takes any text: no command, page, metric or log shows it."""

import re

import pytest

from gateway.config.source import parse
from tests.contract.test_plan_and_apply import CANARY, Home
from tests.support.console import Visitor
from tests.support.control_plane import ControlPlane
from tests.support.gateway import Gateway
from tests.support.keys import HASH
from tests.support.schema_strings import is_at, leaves, strings
from tests.support.sqlite import migrated

RULES = """{
    tools: {allow: ["${file:key.txt}", "^web"]},
    mcp: {allow: ["${file:key.txt}"]},
    urls: {allow: ["${file:key.txt}", "^https://fine"]},
    models: {allow: ["${file:key.txt}", "^gpt", "simulator/"]}}"""
CONFIG = f"""version: 1
owner: platform
organization: acme
teams: {{engineering: {{description: "${{env:CANARY}} \\e[8m\\u202e"}}}}
projects: {{app: {{team: engineering, description: "${{file:key.txt}}"}}}}
principals: {{dev: {{description: "${{env:CANARY}}"}}}}
trace_collectors:
  own:
    endpoint: "http://127.0.0.1:1/${{env:CANARY}}"
    headers: {{x-a: "${{env:CANARY}}"}}
    description: "${{file:key.txt}}"
trace_collector: own
providers:
  simulator: {{type: simulator, models: [gpt-5-mini], headers: {{x-a: "a ${{env:CANARY}}"}}}}
  own: {{type: custom, base_url: "http://127.0.0.1:1/${{env:CANARY}}", api_key: "${{file:key.txt}}"}}
  openai: {{type: openai, api_key: "${{env:CANARY}}", organization: "${{env:CANARY}}", project: "${{file:key.txt}}"}}
  azure:
    type: azure
    base_url: "https://a.example/${{env:CANARY}}"
    entra:
      tenant_id: "${{env:CANARY}}"
      client_id: "${{env:CANARY}}"
      client_secret: "${{file:key.txt}}"
      authority: "https://${{env:CANARY}}"
    deployments: {{gpt-5: "${{env:CANARY}}"}}
  bedrock: {{type: bedrock, region: "${{env:CANARY}}", profile: "${{env:CANARY}}", role_arn: "${{file:key.txt}}"}}
  vertex: {{type: vertex, project: "${{env:CANARY}}", location: "${{env:CANARY}}", credentials: "${{file:key.txt}}"}}
model_aliases:
  fast: [simulator/gpt-5-mini, own/other]
policy_rules:
  none: {RULES}
content_capture: {{redact: ["${{env:CANARY}}"]}}
fallback: {{chain: [simulator], on: ["${{env:ON}}"], timeout_ms: 1000}}
prices:
  simulator/gpt-5-mini: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  own/other: {{base_model: gpt-5}}
models: {{shared: {{at: {{simulator: gpt-5-mini}}, description: "${{env:CANARY}}"}}}}
key_classes:
  all: {{description: "${{env:CANARY}}", policy_rules: [{RULES}], content_capture: {{redact: ["${{env:CANARY}}"]}}}}
virtual_keys:
  ci:
    class: all
    environment: test
    project: app
    principal: dev
    description: "${{env:CANARY}}"
    secret_hash: "${{env:HASH}}"
    models_allowed: ["gpt-*", simulator/other]
    policy_rules:
      - none
      - {RULES}
    content_capture: {{redact: ["${{file:key.txt}}"]}}
    tags: [env=test]
budgets:
  cap: {{scope: {{team: engineering}}, window: month, limit_usd: "${{env:LIMIT}}", description: "${{env:CANARY}}", raises: [{{add_usd: 1, until: 2999-01-01T00:00:00Z, why: "${{env:CANARY}}"}}]}}
limits:
  few: {{match: {{team: engineering}}, rpm: 1000, description: "${{env:CANARY}}"}}
"""
CASES = """config: gateway.yaml
cases:
  - {name: the way of a request, key: ci, model: fast, expect: {provider: nobody, budgets: []}}
  - {name: a refusal, key: ci, model: nowhere/at-all, expect: {provider: nobody}}
"""
OFFLINE = (
    ("budgets", "-c", "gateway.yaml"),
    ("budgets", "-c", "gateway.yaml", "--format", "json"),
    ("spend", "--by", "model"),
    ("check-ledger", "-c", "gateway.yaml"),
    ("prices", "list", "-c", "gateway.yaml"),
    ("prices", "list", "-c", "gateway.yaml", "--format", "json"),
    ("prices", "diff", "-c", "gateway.yaml"),
    ("prices", "diff", "-c", "gateway.yaml", "--format", "json"),
    ("prices", "update", "-c", "gateway.yaml"),
    ("report", "unpriced"),
    ("test", "a.test.yaml"),
    ("test", "a.test.yaml", "--format", "json"),
    ("test", "a.test.yaml", "--format", "sarif"),
)
"""Commands that ask no control plane."""
NAMES = re.compile(r"\^\[A-Za-z0-9\]|\^\[a-z0-9\]\[a-z0-9._-\]\*\$|\^\[\^\\x00-\\x20")
"""How the schema bounds the names of what is declared; `model_aliases` lead to a name and a model."""
NO_TEXT = {
    *((section, 0, end) for section in ("moved",) for end in ("from", "to")),
    *((kind, "a", "tags", 0) for kind in ("virtual_keys", "key_classes")),
    ("models", "a", "at", "a"),
    ("budgets", "a", "scope", "tag"),
    *(("budgets", "a", name) for name in ("timezone", "model", "message")),
    *(("limits", "a", "match", name) for name in ("tag", "model", "end_user")),
    ("limits", "a", "message"),
    ("budgets", "a", "when_over", "a"),
    ("budgets", "a", "raises", 0, "end_user"),
    ("providers", "a", "models", 0),
    *(
        (kind, "a", "models_allowed", *path)
        for kind in ("virtual_keys", "key_classes")
        for path in ((0,), ("allow", 0))
    ),
    *(
        (*of, "a", *path)
        for of in (("model_aliases",), *((kind, "a", "model_aliases") for kind in ("virtual_keys", "key_classes")))
        for path in (("model",), (0, "model"))
    ),
    ("providers", "a", "prices_of"),
    ("providers", "a", "prices_of", 0),
}
"""Fields in which a reference is refused, or that take words of a list."""
PAGES = (
    "", "/budgets", "/keys", "/keys/ci", "/providers", "/configuration", "/configuration/audit",
    *(f"/configuration/resources/{kind}" for kind in (
        "teams", "trace_collectors", "providers", "model_aliases", "policy_rules", "settings", "virtual_keys", "budgets"
    )),
    "/configuration/resources/providers/own", "/configuration/resources/model_aliases/fast",
    "/configuration/resources/policy_rules/none", "/configuration/resources/budgets/cap",
    "/configuration/resources/teams/engineering", "/configuration/resources/settings/content_capture",
    "/configuration/resources/virtual_keys/ci", "/configuration/resources/providers/azure", "/spend", "/requests",
)  # fmt: skip


@pytest.fixture
def home(tmp_path):
    plane = ControlPlane(tmp_path, migrated(tmp_path / "plane.db"))
    home = Home(tmp_path, "--control-plane", f"http://127.0.0.1:{plane.port}", token=plane.token("admin"))
    home.plane = plane
    home.environment |= {"LIMIT": "50", "ON": "timeout", "HASH": HASH}
    home.file.write_text(CONFIG)
    (tmp_path / "key.txt").write_text(CANARY)
    yield home
    assert CANARY not in plane.log()
    plane.stop()


def test_every_field_that_takes_any_text_has_a_reference():
    tree, findings = parse(CONFIG, "gateway.yaml")
    referring = [path for path, text in leaves(tree) if "${" in text]

    missing = [
        field
        for field, node in strings()
        if field not in NO_TEXT
        and "deny" not in field  # callers are told it, so a reference there is an error
        and not {"enum", "const", "format"} & set(node)
        and "prices" not in str(field[0])
        and not NAMES.search(node.get("pattern", ""))
        and re.search(node.get("pattern", ""), f"https://{CANARY}/a")
        and not any(is_at(field, path) for path in referring)
    ]

    assert findings == []
    assert missing == []


def test_nothing_that_people_are_shown_has_it(home):
    where, home.where = home.where, ()
    for output in ("text", "json", "github", "sarif"):
        home.run("validate", "gateway.yaml", "--format", output)
    home.run("explain", "-c", "gateway.yaml", "--key", "ci", "--model", "own/other", "--format", "json", code=1)
    home.where = where
    home.plan("--format", "markdown")
    for output in ("text", "json"):
        assert "${env:CANARY}" in home.plan("--format", output)
    home.plan("--out", "plan.json")
    assert CANARY not in (home.directory / "plan.json").read_text()
    home.apply()
    assert "No changes." in home.plan("--detailed-exitcode")
    for command in (("export",), ("status",), ("keys", "list"), ("keys", "list", "--format", "json"), ("audit",)):
        home.run(*command)
    home.where = ()
    (home.directory / "a.test.yaml").write_text(CASES)
    home.environment["GATEWAY_DATABASE_URL"] = home.plane.database_url
    for command in OFFLINE:
        home.run(*command, code=1 if command[0] == "test" else 0)
    assert CANARY not in (home.directory / "prices.lock.yaml").read_text()
    for output in ("markdown", "github", "sarif"):
        home.run("show", "plan.json", "--format", output)

    visitor = Visitor(home.plane)
    visitor.sign_in(home.environment["GATEWAY_CONTROL_PLANE_TOKEN"])
    pages = [visitor.get(f"/console{path}") for path in PAGES]
    visitor.client.close()
    answers = [
        home.plane.get(path, home.environment["GATEWAY_CONTROL_PLANE_TOKEN"])
        for path in ("/resources", "/resources/model_aliases/fast", "/audit", "/virtual-keys")
    ]
    for told in (*pages, *answers):
        assert told.status_code == 200, told.url
        assert CANARY not in told.text, told.url
    assert "${env:CANARY}" in answers[0].text


def told_by(gateway):
    """Everything that a gateway says to those who run it, after requests of which its rules refuse some."""
    tool = {"type": "function", "function": {"name": CANARY}}
    for more in ({}, {"tools": [tool]}, {"tools": [{**tool, "function": {"name": "other"}}]}):
        gateway.post({"model": "gpt-5-mini", "messages": [{"role": "user", "content": "hi"}], **more})
    gateway.chat("gpt-5-mini", f"see https://{CANARY}.example/ and https://other.example/")
    gateway.chat("simulator/other")
    gateway.client.get("/v1/nothing")
    gateway.wait(lambda: len(gateway.records()) >= 5)
    return [gateway.metrics(), *(gateway.client.get(path).text for path in ("/readyz", "/healthz", "/startupz"))]


@pytest.mark.parametrize("source", ["file", "control plane"])
def test_no_metric_and_no_log_of_a_gateway_has_it(home, tmp_path, source):
    directory = tmp_path / "node"
    directory.mkdir()
    if source == "file":
        (directory / "key.txt").write_text(CANARY)
        given = {name: home.environment[name] for name in ("CANARY", "LIMIT", "ON", "HASH")}
        gateway = Gateway(directory, CONFIG, env={**given, "GATEWAY_LOG_LEVEL": "debug"})
    else:
        home.apply()
        where = ("--control-plane", home.where[1])
        token = home.plane.token("gateway")
        gateway = Gateway(directory, None, *where, env={"GATEWAY_CONTROL_PLANE_TOKEN": token})

    told = told_by(gateway)
    if source == "file":
        gateway.write_config(CONFIG.replace("window: month", 'window: "${env:CANARY}"'))
        gateway.wait(lambda: "invalid-value" in gateway.log())
        told.append(gateway.client.get("/readyz").text)
    gateway.stop()

    assert "gateway_requests_total" in told[0]
    for text in (*told, gateway.log(), str(gateway.records()), home.plane.client.get("/metrics").text):
        assert CANARY not in text


def test_what_a_reference_gives_may_change_and_the_plan_says_how(home):
    home.apply()
    home.environment |= {"LIMIT": "60", "ON": "5xx"}

    said = home.plan()

    assert "${env:LIMIT} (its value rose)" in said
    assert "WIDENS ACCESS" in said.split("budgets.cap")[1].splitlines()[0]
    assert "60" not in said.split("budgets.cap")[1].split("Plan:")[0]


def test_values_cannot_steer_the_terminal_of_whoever_reviews(home):
    said = home.plan()

    assert "\x1b" not in said
    assert "\u202e" not in said
