"""`gateway prices update --from`: newer prices than the installed version has, opt-in, within bounds."""

import json
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import typer
import yaml

from gateway.cli import price_data
from gateway.ledger.rows import HOUR_US
from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade
from tests.unit.ledger.ledger_entries import NOON, entry, put

FILE = """version: 1
providers:
  openai: {type: openai, api_key: "${env:KEY:-x}"}
model_aliases:
  fast: openai/gpt-5-mini
  next: openai/gpt-99
"""
DATA = [
    {
        "id": "openai",
        "name": "OpenAI",
        "api_pattern": "https://api.openai.com",
        "models": [
            {"id": "gpt-5-mini", "match": {"equals": "gpt-5-mini"}, "prices": {"input_mtok": 0.2, "output_mtok": 1.5}},
            {
                "id": "gpt-99",
                "match": {"starts_with": "gpt-99"},
                "prices": [
                    {"prices": {"input_mtok": 3, "output_mtok": 12}},
                    {"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 2, "output_mtok": 8}},
                    {
                        "constraint": {"start_time": "01:00:00Z", "end_time": "04:00:00Z"},
                        "prices": {"input_mtok": 6, "output_mtok": 24},
                    },
                ],
            },
        ],
    }
]


@pytest.fixture
def lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    (tmp_path / "gateway.yaml").write_text(FILE)
    (tmp_path / "data.json").write_text(json.dumps(DATA))
    return tmp_path / "prices.lock.yaml"


def locked(lock):
    return yaml.safe_load(lock.read_text())["locked_prices"]


def update(gateway, where, *more):
    return gateway("prices", "update", "-c", "gateway.yaml", "--from", where, *more)


def test_newer_prices_come_into_the_lock_with_what_changed(gateway, lock):
    gateway("prices", "update", "-c", "gateway.yaml")
    before = locked(lock)["openai/gpt-5-mini"]

    done = update(gateway, "data.json")

    assert done.code == 0, done.err
    assert "~ openai/gpt-5-mini\n" in done.out
    assert f"    input_usd_per_mtok: {before['input_usd_per_mtok']} -> 0.2\n" in done.out
    assert "+ openai/gpt-99\n" in done.out
    assert "1 added, 1 changed" in done.err
    new = locked(lock)["openai/gpt-99"]
    assert (new["input_usd_per_mtok"], new["source"]) == ("3", "data.json: openai/gpt-99")
    assert {(one.get("from"), one.get("hours_utc")) for one in new["changes"]} >= {(None, "01:00-04:00")}
    listed = {
        one["model"]: one for one in json.loads(gateway("prices", "list", "-c", "gateway.yaml", "--format", "json").out)
    }
    assert listed["openai/gpt-99"]["source"] == "lock: data.json: openai/gpt-99"
    assert [str(one["from"]) for one in listed["openai/gpt-99"]["changes"] if "from" in one][:1] == ["2027-01-01"]


def test_the_same_data_again_changes_nothing_and_diff_knows_it_too(gateway, lock):
    first = gateway("prices", "diff", "-c", "gateway.yaml", "--from", "data.json", "--exit-code")
    update(gateway, "data.json")
    written = lock.read_bytes()

    again = update(gateway, "data.json")
    diff = gateway("prices", "diff", "-c", "gateway.yaml", "--from", "data.json", "--exit-code")

    assert (first.code, diff.code) == (2, 0)
    assert "nothing changes" in again.err
    assert lock.read_bytes() == written


def test_what_newer_data_lacks_stays_as_it_is(gateway, lock):
    gateway("prices", "update", "-c", "gateway.yaml")
    before = locked(lock)
    (lock.parent / "data.json").write_text(json.dumps([{**DATA[0], "models": DATA[0]["models"][1:]}]))

    done = update(gateway, "data.json")

    assert done.code == 0
    assert locked(lock)["openai/gpt-5-mini"] == before["openai/gpt-5-mini"]
    assert "openai/gpt-99" in locked(lock)


def spoilt(**prices):
    return [{**DATA[0], "models": [{**DATA[0]["models"][0], "prices": prices}]}]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<html>", "data.json: this is no JSON"),
        ("{}", "data.json: an array of sellers belongs here"),
        (
            json.dumps(spoilt(input_mtok=-1)),
            "list openai, model gpt-5-mini: prices.input_mtok: a price is a finite amount",
        ),
        (
            json.dumps(spoilt(input_mtok=1e-12)),
            "list openai, model gpt-5-mini: prices.input_mtok: a price this small is none here",
        ),
        (
            json.dumps(spoilt(input_mtok={"base": 1, "tiers": [{"start": 5, "price": 1e-12}]})),
            "list openai, model gpt-5-mini: prices.input_mtok: a price this small is none here",
        ),
        (json.dumps(spoilt(input_mtok="x")), "list openai, model gpt-5-mini: "),
        (json.dumps(spoilt(input_mtok=10**15)), "openai/gpt-5-mini: 1.000E+15 US dollars are more than the largest"),
        (
            json.dumps([{**DATA[0], "models": [{**spoilt(input_mtok=7)[0]["models"][0], "id": "m" * 300}]}]),
            "openai/gpt-5-mini: source: String should have at most 256 characters",
        ),
    ],
)
def test_bad_data_is_refused_with_its_place_and_the_lock_stays(gateway, lock, content, says):
    update(gateway, "data.json")
    before = lock.read_bytes()
    (lock.parent / "data.json").write_text(content)

    done = update(gateway, "data.json")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert says in done.err
    assert "Traceback" not in done.err
    assert lock.read_bytes() == before


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("missing.json", "error: missing.json cannot be read: No such file or directory"),
        (".", "error: . cannot be read: "),
        ("/dev/zero", "error: /dev/zero cannot be read: it is not a regular file"),
        ("http://prices.example.com/data.json", "prices are fetched from https URLs"),
        ("ftp://prices.example.com/data.json", "prices are fetched from https URLs"),
        ("https://[", "prices are fetched from https URLs"),
        ("https://127.0.0.1:1/data.json", "error: https://127.0.0.1:1/data.json cannot be fetched: "),
        ("https://me:hunter2@127.0.0.1:1/d?token=hunter2", "error: https://***@127.0.0.1:1/d cannot be fetched: "),
        ("https://me:hun/hunter2@127.0.0.1:1/d", "error: https://***@127.0.0.1:1/d cannot be fetched: "),
        ("https://me:hunter2@hun@127.0.0.1:1/d", "error: https://***@127.0.0.1:1/d cannot be fetched: "),
        ("https://me:hunter2?hun@127.0.0.1:1/d", "error: https://*** cannot be fetched: "),
        ("https://me:hunter2#hun@127.0.0.1:1/d", "error: https://*** cannot be fetched: "),
        ("https://127.0.0.1:1/d?token=me@hunter2", "error: https://*** cannot be fetched: "),
    ],
)
def test_where_no_data_can_be_taken_from(gateway, lock, where, says):
    done = update(gateway, where)

    assert done.code == 1
    assert says in done.err
    assert "hunter2" not in done.err
    assert not lock.exists()


@pytest.fixture
def serving():
    """Starts servers that have the data, and `/hops/N/...`, which redirects N times; tells what each was asked for."""
    with ExitStack() as servers:

        def serve(host="127.0.0.1", moved_to=""):
            asked = []

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    asked.append(self.path)
                    _, first, *rest = self.path.split("/")
                    to = moved_to
                    if first == "hops":
                        to = f"/hops/{int(rest[0]) - 1}/" if int(rest[0]) > 1 else "/data.json"
                    self.send_response(302 if to else 200 if first.startswith("data.json") else 404)
                    if to:
                        self.send_header("Location", to)
                    self.end_headers()
                    self.wfile.write(json.dumps(DATA).encode())

                def log_message(self, *_):
                    pass

            serving = servers.enter_context(ThreadingHTTPServer((host, 0), Handler))
            threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
            servers.callback(serving.shutdown)
            return f"http://{host}:{serving.server_address[1]}", asked

        yield serve


@pytest.fixture
def server(serving):
    return serving()[0]


def test_a_url_is_fetched(gateway, lock, server):
    done = update(gateway, f"{server}/data.json?token=hunter2")

    assert done.code == 0, done.err
    assert locked(lock)["openai/gpt-99"]["source"] == f"{server}/data.json: openai/gpt-99"


def test_a_url_that_has_none(gateway, lock, server):
    done = update(gateway, f"{server}/gone")

    assert done.code == 1
    assert "/gone answers 404" in done.err


def test_five_redirects_are_followed_and_no_more(gateway, lock, serving):
    url, asked = serving()

    late = update(gateway, f"{url}/hops/6/")
    assert (late.code, len(asked)) == (1, 6)
    assert "it redirects more than 5 times" in late.err
    assert update(gateway, f"{url}/hops/5/").code == 0
    assert set(locked(lock)) == {"openai/gpt-5-mini", "openai/gpt-99"}


def test_a_redirect_to_anywhere_but_https_is_refused_before_it_is_asked(gateway, lock, serving):
    inner, asked = serving("127.0.0.2")
    moved, _ = serving(moved_to=f"{inner}/data.json")

    done = update(gateway, f"{moved}/data.json")

    assert done.code == 1
    assert "redirects to what is no https URL" in done.err
    assert asked == []
    assert not lock.exists()


@pytest.mark.parametrize(
    "to", ["ftp://prices.example.com/", "https://[", "http://prices.example.com", "file:///etc/passwd"]
)
def test_a_redirect_to_no_address_of_data(gateway, lock, serving, to):
    moved, _ = serving(moved_to=to)

    done = update(gateway, f"{moved}/data.json")

    assert done.code == 1
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err


def test_only_data_on_this_machine_may_redirect_to_this_machine_without_tls(monkeypatch):
    asked = []

    def handle(request):
        asked.append(str(request.url))
        return httpx.Response(302, headers={"Location": "http://127.0.0.1:8000/data.json"})

    client = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: client(transport=httpx.MockTransport(handle), **more))

    with pytest.raises(typer.Exit):
        price_data.price_data("https://prices.example.com/data.json")
    assert asked == ["https://prices.example.com/data.json"]


def test_sizes_and_times_are_bounded(gateway, lock, server, monkeypatch):
    monkeypatch.setattr(price_data, "MOST_BYTES", 100)
    large = [update(gateway, where) for where in ("data.json", f"{server}/data.json")]
    monkeypatch.setattr(price_data, "MOST_BYTES", 1_000_000)
    monkeypatch.setattr(price_data, "MOST_SECONDS", 1)
    endless = {"or": [{"regex": "^(a|a|a)+$"}]}
    models = [{**DATA[0]["models"][0], "match": endless}]
    (lock.parent / "data.json").write_text(json.dumps([{**DATA[0], "models": models}]))
    (lock.parent / "gateway.yaml").write_text(FILE.replace("gpt-5-mini", "a" * 60 + "b"))
    late = update(gateway, "data.json")

    assert all("which no price list has" in done.err for done in large)
    assert "taking prices from data.json takes more than 1 s" in late.err
    assert {done.code for done in (*large, late)} == {1}


def test_models_that_were_only_used_are_locked_and_listed(gateway, lock, tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")
    upgrade(engine)
    put(
        engine,
        entry("grq_1", provider="openai", model="gpt-5-nano"),
        entry("grq_2", provider="openai", model="ft:of-ours"),
        entry("grq_3", provider="gone", model="gpt-5"),
        entry("grq_4", provider="openai", model="gpt-4o", occurred_at=NOON - 240 * HOUR_US),
    )
    engine.dispose()

    done = gateway("prices", "update", "-c", "gateway.yaml", "--used", "2025-12-31")
    listed = gateway("prices", "list", "-c", "gateway.yaml", "--used", "2025-12-31", "--format", "json").out

    assert set(locked(lock)) == {"openai/gpt-5-mini", "openai/gpt-5-nano"}
    assert "nobody publishes a price of openai/ft:of-ours" in done.err
    assert "openai/gpt-5-nano" in {one["model"] for one in json.loads(listed)}
    assert gateway("prices", "update", "-c", "gateway.yaml", "--used", "soon").err.startswith("error: --used: ")


MADE_UP = [
    "x\ny/gpt-5",
    "x\x1b[2Jgpt-5",
    "gpt-5\u202e",
    "${env:HOME}/gpt-5",
    "$${env:HOME}/gpt-5",
    "gpt-5: {}",
    "? gpt-5",
    "gpt-5 #",
    "\"gpt-5'",
    "gpt-5 ",
    "x " * 60 + "gpt-5",
    "gpt-5-" + "x" * 200,
]


def test_whatever_clients_asked_for_the_configuration_stays_valid_and_every_line_is_ours(gateway, lock, tmp_path):
    matching = [
        {**DATA[0]["models"][0], "match": {"contains": "m"}},
        {**DATA[0]["models"][1], "match": {"contains": "x"}},
    ]
    gpt_5 = {**DATA[0]["models"][0], "id": "gpt-5", "match": {"contains": "gpt-5"}}
    (lock.parent / "data.json").write_text(json.dumps([{**DATA[0], "models": [gpt_5, *matching]}]))
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")
    upgrade(engine)
    put(engine, *(entry(f"grq_{n}", provider="openai", model=model) for n, model in enumerate(MADE_UP)))
    engine.dispose()

    seen = gateway("prices", "diff", "-c", "gateway.yaml", "--from", "data.json", "--used", "2025-12-31")
    done = update(gateway, "data.json", "--used", "2025-12-31")

    assert done.code == 0, done.err
    assert gateway("validate", "gateway.yaml").code == 0
    assert set(locked(lock)) == {f"openai/{one}" for one in ("gpt-5-mini", *MADE_UP[5:])}
    assert seen.out == done.out
    assert all(one.isprintable() for one in (seen.out + seen.err + done.out + done.err).split("\n"))
    assert done.err.count(" is left out: no lock can have such a name\n") == 5
    assert "openai/x\\ny/gpt-5 is left out" in done.err
    assert "+ openai/gpt-5: {}\n" in done.out


def test_names_of_data_and_models_are_shown_on_one_line(gateway, lock):
    (lock.parent / "data.json").write_text(
        json.dumps([{**DATA[0], "models": [{**DATA[0]["models"][0], "id": "a\nb"}]}])
    )
    (lock.parent / "gateway.yaml").write_text(FILE.replace("openai/gpt-99", '"openai/x\\e[2Jy"'))

    done = update(gateway, "data.json")

    assert (done.code, done.out) == (0, done.out.replace("\x1b", ""))
    assert "openai/x\\x1b[2Jy is left out" in done.err
    assert gateway("validate", "gateway.yaml").code == 0
