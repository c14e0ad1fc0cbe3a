"""Budgets: what they let through, what they refuse, whom they count, and that they hold under concurrency."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.crowd import crowd
from tests.support.gateway import Gateway
from tests.support.keys import HASH, SECRET, new_key
from tests.support.redis_server import Server
from tests.support.upstream import CUT, PlayedUpstream, response, stream
from tests.unit.storage.databases import database_url, empty_database_url

pytestmark = pytest.mark.every_build

__all__ = ["database_url", "empty_database_url"]

CENT = """
version: 1
organization: acme
teams: {engineering: {}, research: {}}
projects: {checkout: {team: engineering}}
principals: {dev-1@example.com: {team: engineering}}
providers:
  simulator: {type: simulator}
  standby: {type: simulator}
prices:
  simulator/cent: {per_request_usd: "0.01"}
  simulator/dime: {per_request_usd: "0.10"}
  standby/cent: {per_request_usd: "0.01"}
  standby/dime: {per_request_usd: "0.10"}
model_aliases:
  cent: simulator/cent
  dime: simulator/dime
virtual_keys:
  dev:
    environment: test
    project: checkout
    principal: dev-1@example.com
    secret_hash: %s
    tags: [env=ci]
budgets:
%s
"""


def config(*budgets: str, **changes: str) -> str:
    text = CENT % (HASH, "\n".join(f"  {budget}" for budget in budgets))
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def played(text: str, upstream: PlayedUpstream) -> str:
    """The same with answers that a test plays."""
    return text.replace("simulator: {type: simulator}", f"simulator: {{type: custom, base_url: {upstream.url}}}")


def spend(gateway, times: int, model: str = "cent", **more) -> list[httpx.Response]:
    return [gateway.chat(model, **more) for _ in range(times)]


def statuses(answers) -> list[int]:
    return [answer.status_code for answer in answers]


def test_what_would_pass_the_limit_is_refused_and_the_answer_says_all_about_it(start_gateway):
    gateway = start_gateway(config("cap: {scope: {team: engineering}, window: month, limit_usd: 0.03}"))

    *served, refused = spend(gateway, 4)

    assert statuses(served) == [200, 200, 200]
    assert refused.status_code == 402
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("budget_exceeded", "budget_exceeded")
    assert error["meta"].items() >= {"budget": "cap", "scope": "team:engineering", "window": "month"}.items()
    assert error["meta"]["resets_at"].endswith("-01T00:00:00.000Z")
    assert "retry-after" not in refused.headers
    assert "cap" in error["message"]


def test_a_window_that_ends_soon_says_when_to_come_back(start_gateway):
    gateway = start_gateway(config("cap: {scope: {team: engineering}, window: minute, limit_usd: 0.000001}"))

    (refused,) = spend(gateway, 1)

    assert refused.status_code == 402
    assert 1 <= int(refused.headers["retry-after"]) <= 60


SCOPES = {
    "organization": "{organization: acme}",
    "team, by way of the project": "{team: engineering}",
    "project": "{project: checkout}",
    "principal": "{principal: dev-1@example.com}",
    "virtual key": "{virtual_key: dev}",
    "tag": "{tag: env=ci}",
}


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES.keys())
def test_a_budget_of_every_scope_counts(start_gateway, scope):
    gateway = start_gateway(config(f"cap: {{scope: {scope}, window: day, limit_usd: 0.01}}"))

    assert statuses(spend(gateway, 2)) == [200, 402]


def test_a_team_pays_for_its_principals_in_projects_of_others_and_reports_name_the_projects_team(start_gateway):
    text = config(
        "people: {scope: {team: research}, window: day, limit_usd: 0.02}",
        "projects: {scope: {team: engineering}, window: day, limit_usd: 0.03}",
    ).replace(
        "principals: {dev-1@example.com: {team: engineering}}", "principals: {dev-1@example.com: {team: research}}"
    )
    gateway = start_gateway(text)

    answers = spend(gateway, 3)

    assert statuses(answers) == [200, 200, 402]
    assert answers[-1].json()["error"]["meta"]["budget"] == "people"
    record = gateway.record_of(answers[0])
    assert record["team"] == "engineering"
    assert [one["counter"].split(":")[1] for one in record["budgets"]] == ["people", "projects"]


def test_a_budget_of_others_does_not_count(start_gateway):
    gateway = start_gateway(config("cap: {scope: {team: research}, window: day, limit_usd: 0}"))

    assert statuses(spend(gateway, 2)) == [200, 200]


def test_the_tightest_of_several_budgets_decides_and_a_refusal_spends_nothing(start_gateway):
    gateway = start_gateway(
        config(
            "wide: {scope: {organization: acme}, window: month, limit_usd: 1}",
            "narrow: {scope: {team: engineering}, window: day, limit_usd: 0.11}",
        )
    )

    assert statuses(spend(gateway, 1, "dime")) == [200]
    refused = spend(gateway, 1, "dime")[0]

    assert refused.json()["error"]["meta"]["budget"] == "narrow"
    assert statuses(spend(gateway, 2, "cent")) == [200, 402]


def test_a_budget_that_warns_lets_through_and_says_so(start_gateway):
    gateway = start_gateway(config("cap: {scope: {team: engineering}, window: day, limit_usd: 0.05, on_breach: warn}"))

    answers = spend(gateway, 6)

    assert set(statuses(answers)) == {200}
    warnings = [answer.headers.get("x-langwatch-budget-warning") for answer in answers]
    assert warnings == [None, None, None, "team:80", "team:100", "team:120"]


def test_end_users_have_a_limit_of_their_own_and_must_say_who_they_are(start_gateway):
    gateway = start_gateway(
        config("each-user: {scope: {project: checkout}, each: end_user, window: day, limit_usd: 0.01}")
    )

    def ask(name):
        return gateway.chat("cent", headers={"X-LangWatch-End-User-Id": name} if name else {})

    assert [ask("ada").status_code, ask("ben").status_code, ask("ada").status_code] == [200, 200, 402]
    nobody = ask(None)
    assert (nobody.status_code, nobody.json()["error"]["type"]) == (400, "end_user_required")
    by_body = gateway.post({"model": "cent", "messages": [], "user": "ben"})
    assert by_body.status_code == 402
    by_metadata = gateway.post({"model": "cent", "messages": [], "metadata": {"user_id": "cleo"}})
    assert by_metadata.status_code == 200
    assert gateway.record_of(by_metadata)["end_user"] == "cleo"


def test_an_end_user_is_the_same_person_wherever_the_request_names_them(start_gateway):
    gateway = start_gateway(
        config("each-user: {scope: {project: checkout}, each: end_user, window: day, limit_usd: 0.01}")
    )
    by_header = gateway.chat("cent", headers={"X-LangWatch-End-User-Id": "José Élodie 日本".encode()})

    assert by_header.status_code == 200, by_header.text
    assert gateway.record_of(by_header)["end_user"] == "José Élodie 日本"
    for named in ({"user": "José Élodie 日本"}, {"safety_identifier": "José Élodie 日本"}):
        assert gateway.post({"model": "cent", "messages": [], **named}).status_code == 402


def test_an_id_of_an_end_user_that_is_none_is_refused(start_gateway):
    gateway = start_gateway(config("cap: {scope: {team: engineering}, window: day, limit_usd: 1}"))

    answer = gateway.chat("cent", headers={"X-LangWatch-End-User-Id": "x" * 300})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "end_user_invalid")


def test_a_budget_of_one_provider_takes_it_out_of_the_chain_and_only_an_empty_chain_is_refused(start_gateway):
    text = config("of-simulator: {scope: {team: engineering}, window: day, limit_usd: 0.02, provider: simulator}")
    gateway = start_gateway(text.replace("cent: simulator/cent\n", "cent: [simulator/cent, standby/cent]\n"))

    answers = spend(gateway, 4)

    assert statuses(answers) == [200] * 4
    providers = [answer.headers["x-langwatch-provider"] for answer in answers]
    assert providers == ["simulator", "simulator", "standby", "standby"]
    assert gateway.record_of(answers[-1])["attempts"][0]["outcome"] == "budget_exceeded"
    dime = gateway.chat("dime")
    assert (dime.status_code, dime.json()["error"]["meta"]["budget"]) == (402, "of-simulator")


DIMES = (
    'dimes: {scope: {team: engineering}, window: day, limit_usd: 0.25, model: "*dime", message: "Ask #ai-platform."}'
)


def test_a_budget_of_models_counts_them_alone_and_tells_what_it_is_told_to(database_url, start_gateway):
    text = config(DIMES, "all: {scope: {team: engineering}, window: day, limit_usd: 1}")
    database = {"GATEWAY_DATABASE_URL": database_url}
    gateway = start_gateway(text, env=database)

    answers = [gateway.chat(model) for model in ("dime", "cent", "standby/dime", "dime", "standby/dime", "cent")]

    assert statuses(answers) == [200, 200, 200, 402, 402, 200]
    error = answers[3].json()["error"]
    assert (error["meta"]["budget"], error["meta"]["model"]) == ("dimes", "*dime")
    assert error["message"].endswith(" Ask #ai-platform.")
    charged = {one["counter"].partition(":day")[0]: one["amount"] for one in gateway.record_of(answers[2])["budgets"]}
    assert charged == {
        "budget:dimes:team=engineering:model=%2Adime": 100_000_000,
        "budget:all:team=engineering": 100_000_000,
    }
    gateway.stop()
    again = start_gateway(text, env=database)
    again.wait(lambda: again.readyz()["counters"]["fault"] is None)
    assert statuses([again.chat(model) for model in ("dime", "cent")]) == [402, 200]


def test_a_model_whose_budget_is_used_up_leaves_the_chain(start_gateway):
    text = config(DIMES).replace("dime: simulator/dime\n", "dime: [simulator/dime, standby/dime, standby/cent]\n")
    gateway = start_gateway(text)

    answers = [gateway.chat("dime") for _ in range(4)]

    assert statuses(answers) == [200] * 4
    assert [answer.headers["x-langwatch-model"] for answer in answers] == ["dime", "dime", "cent", "cent"]
    attempts = gateway.record_of(answers[-1])["attempts"]
    assert [one["outcome"] for one in attempts] == ["budget_exceeded", "budget_exceeded", "ok"]


def test_a_budget_of_an_endpoint_counts_its_requests_alone(start_gateway):
    limit = "chats: {scope: {team: engineering}, window: day, limit_usd: 0.02, endpoint: chat_completions}"
    gateway = start_gateway(config(limit))
    message = {"model": "cent", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}

    assert statuses([gateway.chat("cent") for _ in range(3)]) == [200, 200, 402]
    assert gateway.post(message, path="/v1/messages").status_code == 200


OF_TOKENS = "few: {scope: {team: engineering}, window: day, limit_tokens: 120}"
SHORT = {"model": "cent", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}


def ask_for(upstream, tokens, **more):
    """Answers that say that they consumed so many tokens."""
    used = {"prompt_tokens": 1, "completion_tokens": tokens - 1, "total_tokens": tokens}
    upstream.play = lambda _: response(json.dumps({"choices": [], "usage": used, **more}).encode())


def test_a_budget_of_tokens_holds_the_most_and_counts_what_was_used(database_url, start_gateway, upstream):
    database = {"GATEWAY_DATABASE_URL": database_url}
    gateway = start_gateway(played(config(OF_TOKENS), upstream), env=database)
    ask_for(upstream, 45)

    answers = [gateway.post(SHORT) for _ in range(3)]

    assert statuses(answers) == [200, 200, 402]
    error = answers[2].json()["error"]
    assert (error["meta"]["left_tokens"], error["meta"]["budget"]) == (30, "few")
    assert "120 tokens in one day window, of which 30 tokens are left" in error["message"]
    (charge,) = gateway.record_of(answers[1])["budgets"]
    assert (charge["counter"].partition(":day")[0], charge["amount"]) == (
        "budget:few:unit=tokens:team=engineering",
        45,
    )
    gateway.stop()
    again = start_gateway(played(config(OF_TOKENS), upstream), env=database)
    again.wait(lambda: again.readyz()["counters"]["fault"] is None)
    assert again.post(SHORT).status_code == 402


def test_a_budget_of_tokens_needs_no_price_and_reads_limits_as_one_of_money_does(start_gateway):
    gateway = start_gateway(config(OF_TOKENS))

    assert gateway.post({**SHORT, "model": "simulator/who-knows"}).status_code == 200
    unread = gateway.post({**SHORT, "max_tokens": "many"})
    assert (unread.status_code, unread.json()["error"]["param"]) == (400, "max_tokens")


def test_a_budget_of_requests_counts_those_that_were_answered(start_gateway, server):
    limit = "few: {scope: {team: engineering}, each: virtual_key, window: day, limit_requests: 2, model: cent}"
    gateway = start_gateway(config(limit), env={"GATEWAY_REDIS_URL": server.url})

    answers = [gateway.chat("cent", text) for text in ("[[status 400]]", "hi", "[[status 400]]", "hi", "hi")]
    other = gateway.chat("dime")

    assert statuses([*answers, other]) == [400, 200, 400, 200, 402, 200]
    assert answers[-1].json()["error"]["meta"] | {"resets_at": ""} == {
        "budget": "few", "scope": "team:engineering", "window": "day", "resets_at": "", "each": "virtual_key",
        "model": "cent", "left_requests": 0, "held_requests": 1,
    }  # fmt: skip
    assert 'gateway_budget_utilization_ratio{budget="few"} 1.0' in gateway.metrics()
    assert 'gateway_budget_limit_usd{budget="few"}' not in gateway.metrics()


def charged(gateway, answer) -> dict[str, int]:
    """What an answer was charged, by the name of the budget."""
    return {one["counter"].split(":")[1]: one["amount"] for one in gateway.record_of(answer)["budgets"]}


COUNTED = (
    "tokens: {scope: {team: engineering}, window: day, limit_tokens: 100000}",
    "requests: {scope: {team: engineering}, window: day, limit_requests: 100}",
)


def test_an_answer_that_breaks_off_has_been_one_and_counts_what_came(start_gateway, upstream):
    gateway = start_gateway(played(config(*COUNTED), upstream))
    told = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "hello world"}}]}
    upstream.play = lambda _: stream([b"data: %s\n\n" % json.dumps(told).encode(), 0.2, CUT], ends=False)

    broken = gateway.post({**SHORT, "stream": True})
    upstream.play = lambda _: response(b"{}", status=503)
    nothing = gateway.post({**SHORT, "stream": True})

    used = gateway.record_of(broken)["usage"]
    assert charged(gateway, broken) == {"tokens": used["input_tokens"] + used["output_tokens"], "requests": 1}
    assert charged(gateway, nothing) == {}


def test_a_response_in_the_background_counts_once_and_under_whoever_runs_it(start_gateway, upstream):
    two = 'two: {scope: {team: engineering}, window: day, limit_requests: 9, model: "other"}'
    text = config(*COUNTED, two).replace("cent: simulator/cent\n", "cent: [simulator/other, simulator/cent]\n")
    gateway = start_gateway(played(text, upstream), env={"GATEWAY_DEFERRED_POLL_S": "0.1"})
    ended = {"output": [], "usage": {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}}

    def play(asked):
        if b"other" in asked.body:
            return response(b"{}", status=503)
        about = {"status": "queued"} if asked.body else {"status": "completed", **ended}
        return response(json.dumps({"id": "resp_1", "object": "response", "model": "cent", **about}).encode())

    upstream.play = play
    made = gateway.post({"model": "cent", "input": "hi", "background": True}, path="/v1/responses")
    gateway.wait(lambda: any(one["endpoint"] == "background_response" for one in gateway.records()))

    assert charged(gateway, made) == {}
    (record,) = (one for one in gateway.records() if one["endpoint"] == "background_response")
    assert {one["counter"].split(":")[1]: one["amount"] for one in record["budgets"]} == {"tokens": 11, "requests": 1}


ADVISED = {
    "tools": [{"type": "advisor_20260301", "name": "advisor", "model": "cent", "max_uses": 2, "max_tokens": 5000}]
}


@pytest.mark.parametrize(
    ("path", "body", "least", "most"),
    [
        ("/v1/chat/completions", {}, 20, 200),
        ("/v1/chat/completions", {"n": 3}, 60, 240),
        ("/v1/embeddings", {"input": ["hi", "you"]}, 1, 100),
        ("/v1/images/generations", {"prompt": "a cat", "n": 2}, 32_000, 32_100),
        ("/v1/messages", ADVISED, 10_020, 15_000),
        ("/v1/messages", {"fallbacks": [{"model": "cent", "max_tokens": 9000}]}, 9000, 9500),
    ],
    ids=["one answer", "three", "embeddings", "pictures", "an advisor", "a fallback"],
)
def test_tokens_are_held_of_all_that_a_request_allows(start_gateway, path, body, least, most):
    gateway = start_gateway(config("one: {scope: {team: engineering}, window: day, limit_tokens: 1}"))
    talk = SHORT if path in ("/v1/chat/completions", "/v1/messages") else {"model": "cent"}

    refused = gateway.post({**talk, **body}, path=path)

    assert refused.status_code == 402, refused.text
    assert least <= refused.json()["error"]["meta"]["held_tokens"] <= most


def test_many_at_one_time_do_not_pass_a_budget_of_requests(start_gateway):
    gateway = start_gateway(config("few: {scope: {team: engineering}, window: day, limit_requests: 7}"))

    with ThreadPoolExecutor(20) as asking:
        answers = list(asking.map(lambda _: gateway.chat("cent"), range(40)))

    assert statuses(answers).count(200) == 7


def test_a_raise_is_on_top_of_the_limit_of_whom_it_names_until_it_ends(start_gateway):
    raises = (
        "{principal: dev-1@example.com, add_usd: 0.01, until: 2999-01-01T00:00:00Z, why: a migration}",
        "{principal: dev-1@example.com, add_usd: 5, until: 2026-01-01T00:00:00Z}",
        "{principal: other@example.com, add_usd: 5, until: 2999-01-01T00:00:00Z}",
    )
    limit = f"own: {{scope: {{team: engineering}}, each: principal, window: day, limit_usd: 0.02, raises: [{', '.join(raises)}]}}"
    text = config(limit).replace("principals: {", "principals: {other@example.com: {team: engineering}, ")
    gateway = start_gateway(text)

    answers = spend(gateway, 4)

    assert statuses(answers) == [200, 200, 200, 402]
    assert "$0.03 in one day window, of which $0 are left" in answers[3].json()["error"]["message"]

    gateway.write_config(text.replace("add_usd: 0.01", "add_usd: 0.02"))
    gateway.wait(lambda: gateway.chat("cent").status_code == 200)
    assert gateway.chat("cent").status_code == 402


WHEN_OVER = "own: {scope: {team: engineering}, each: principal, window: day, limit_usd: 0.30, when_over: {60: cent}}"


def test_a_request_becomes_one_for_a_cheaper_model_while_a_budget_is_nearly_used_up(start_gateway):
    gateway = start_gateway(config(WHEN_OVER))

    answers = [gateway.chat("dime") for _ in range(4)]

    assert statuses(answers) == [200] * 4
    assert [one.headers["x-langwatch-model"] for one in answers] == ["dime", "dime", "cent", "cent"]
    assert [one.headers.get("x-langwatch-downgraded") for one in answers] == [None, None, "own:66", "own:70"]
    record = gateway.record_of(answers[2])
    assert (record["model_asked"], record["model"], record["route"]) == ("dime", "cent", "simulator; over=own:66")
    assert [one["amount"] for one in record["budgets"]] == [10_000_000]
    assert "x-langwatch-downgraded" not in gateway.chat("cent").headers


@pytest.mark.parametrize(
    ("allowed", "when_over"), [("[dime]", "{60: cent}"), ('["*"]', "{60: dime}"), ('["*"]', "{60: standby/dime}")]
)
def test_a_request_goes_on_as_asked_where_nothing_cheaper_may_be_called(start_gateway, allowed, when_over):
    text = config(WHEN_OVER.replace("{60: cent}", when_over)).replace(
        "    tags:", f"    models_allowed: {allowed}\n    tags:"
    )
    gateway = start_gateway(text)

    answers = [gateway.chat("dime") for _ in range(4)]

    assert statuses(answers) == [200, 200, 200, 402]
    assert not any("x-langwatch-downgraded" in one.headers for one in answers)


def test_the_highest_percentage_that_is_reached_counts_and_limits_of_the_new_model_do(start_gateway):
    text = config(
        WHEN_OVER.replace("{60: cent}", "{30: cent, 60: standby/cent}"),
        "cents: {scope: {team: engineering}, window: day, limit_requests: 1, model: simulator/cent}",
    )
    gateway = start_gateway(text)

    answers = [gateway.chat("dime") for _ in range(3)]

    assert [(one.headers["x-langwatch-provider"], one.headers["x-langwatch-model"]) for one in answers[:2]] == [
        ("simulator", "dime"),
        ("simulator", "cent"),
    ]
    assert (answers[2].status_code, answers[2].json()["error"]["meta"]["budget"]) == (402, "cents")


def test_a_budget_may_be_of_what_has_no_price_where_it_does_not_count_that(start_gateway):
    gateway = start_gateway(config(DIMES))

    assert gateway.chat("simulator/who-knows").status_code == 200


def test_a_model_without_a_price_is_refused_unless_the_budget_allows_it(start_gateway):
    gateway = start_gateway(config("cap: {scope: {team: engineering}, window: day, limit_usd: 1}"))

    refused = gateway.chat("simulator/who-knows")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_unpriced")

    allowed = config("cap: {scope: {team: engineering}, window: day, limit_usd: 1, unpriced: allow}")
    gateway.write_config(allowed)
    gateway.wait(lambda: gateway.chat("simulator/who-knows").status_code == 200)


def test_a_refused_request_counts_against_the_rate_limit_and_not_against_the_budget(start_gateway):
    text = config("cap: {scope: {team: engineering}, window: day, limit_usd: 0.01}")
    gateway = start_gateway(text.replace("    tags:", "    rate_limits: {rpm: 3}\n    tags:"))

    assert statuses(spend(gateway, 4)) == [200, 402, 402, 429]


def test_failures_cost_nothing(start_gateway):
    gateway = start_gateway(config("cap: {scope: {team: engineering}, window: day, limit_usd: 0.01}"))

    failing = [gateway.chat("cent", "[[status 400]]") for _ in range(3)]

    assert set(statuses(failing)) == {400}
    assert statuses(spend(gateway, 2)) == [200, 402]


def test_the_counters_survive_a_reload_and_a_restart(start_gateway, tmp_path):
    text = config("cap: {scope: {team: engineering}, window: month, limit_usd: 0.05}")
    data = {"GATEWAY_DATA_DIR": str(tmp_path / "data")}
    gateway = start_gateway(text, env=data)
    assert statuses(spend(gateway, 2)) == [200, 200]

    gateway.write_config(text.replace("limit_usd: 0.05", "limit_usd: 0.03"))
    before = gateway.readyz()["revision"]
    gateway.wait(lambda: gateway.readyz()["revision"] != before or None)
    assert statuses(spend(gateway, 2)) == [200, 402]

    gateway.kill()
    again = start_gateway(text, env=data)
    assert statuses(spend(again, 3)) == [200, 200, 402]


@pytest.mark.parametrize("each", ["principal", "virtual_key", "end_user"])
def test_what_each_has_spent_is_known_after_a_restart_on_both_databases(database_url, start_gateway, each):
    text = config(
        f"own: {{scope: {{team: engineering}}, each: {each}, window: month, limit_usd: 0.03}}",
        "all: {scope: {organization: acme}, window: total, limit_usd: 1, provider: simulator}",
    )
    database = {"GATEWAY_DATABASE_URL": database_url}
    ada = {"headers": {"X-LangWatch-End-User-Id": "ada"}}
    gateway = start_gateway(text, env=database)
    assert statuses(spend(gateway, 2, **ada)) == [200, 200]
    gateway.stop()

    again = start_gateway(text, env=database)
    again.wait(lambda: again.readyz()["counters"]["fault"] is None)

    assert statuses(spend(again, 2, **ada)) == [200, 402]


LEARNED = "agents: {scope: {team: engineering}, window: total, limit_usd: 3.5, reserve: learned, reserve_margin_usd: 2}"


def test_a_gateway_that_starts_again_holds_what_it_held_before(database_url, start_gateway, upstream):
    """Of the margin, two may each cost a dollar more than usual; another holds the dollar that it may cost at most."""
    text = config(LEARNED, **{'simulator/cent: {per_request_usd: "0.01"}': "simulator/cent: {output_usd_per_mtok: 1}"})
    text = played(text, upstream)
    body = {"model": "cent", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 999_999}
    slow = {**body, "messages": [{"role": "user", "content": "slow"}]}

    def admitted(gateway):
        """How many of five are served at once: they go on once all others have been refused."""
        upstream.requests.clear()
        gate = upstream.waits_with("slow")["slow"]
        with ThreadPoolExecutor(5) as asking:
            asked = [asking.submit(gateway.post, slow) for _ in range(5)]
            gateway.wait(lambda: len(upstream.requests) + sum(one.done() for one in asked) == 5)
            gate.set()
        return statuses(one.result() for one in asked).count(200)

    database = {"GATEWAY_DATABASE_URL": database_url}
    gateway = start_gateway(text, env=database)
    assert admitted(gateway) == 1
    for _ in range(16):
        assert gateway.post(body).status_code == 200
    assert admitted(gateway) == 3
    gateway.stop()

    assert admitted(start_gateway(text, env=database)) == 3


MANY = {
    "a whole number": (10**12, 402),
    "a float": (1e9, 402),
    "one": (1.0, 200),
    "beyond reading": (10**30, 400),
    "negative": (-5, 400),
    "no number": ("3", 400),
}


@pytest.mark.parametrize(("n", "status"), MANY.values(), ids=MANY.keys())
def test_choices_are_part_of_the_estimate_whatever_number_a_client_sends(priced_by_token, n, status):
    body = {"model": "cent", "messages": [], "max_tokens": 10, "n": n}

    assert priced_by_token.post(body).status_code == status


@pytest.fixture(scope="module", params=["memory", pytest.param("redis", marks=pytest.mark.service)])
def priced_by_token(module_gateway, request, tmp_path_factory):
    text = config("cap: {scope: {team: engineering}, window: day, limit_usd: 1}")
    text = text.replace('simulator/cent: {per_request_usd: "0.01"}', "simulator/cent: {output_usd_per_mtok: 1}")
    if request.param == "memory":
        yield module_gateway(text)
        return
    server = Server(tmp_path_factory.mktemp("redis")).start()
    yield module_gateway(text, env={"GATEWAY_REDIS_URL": server.url})
    server.stop()


async def flood(gateway: Gateway, requests: int, secrets: tuple[str, ...] = (SECRET,)) -> list[int]:
    """Statuses of requests that are all sent at once."""
    body = {"model": "cent", "messages": [{"role": "user", "content": "hi"}]}
    answers = await crowd(gateway.port, ((secrets[number % len(secrets)], body) for number in range(requests)))
    return [int(answer.split(b" ", 2)[1]) for answer in answers]


def test_of_500_requests_of_a_cent_at_once_a_dollar_lets_exactly_100_pass(start_gateway):
    secret, digest = new_key()
    text = config("cap: {scope: {team: engineering}, window: month, limit_usd: 1}").replace(
        "budgets:", f"  other: {{environment: test, team: engineering, secret_hash: {digest}}}\nbudgets:"
    )
    gateway = start_gateway(text)

    answers = asyncio.run(flood(gateway, 500, (SECRET, secret)))

    assert (answers.count(200), answers.count(402)) == (100, 400)
