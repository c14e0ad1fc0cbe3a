"""What commands say of `limits:` and of raises."""

import pytest

HASH = f"hmac-sha256:{1:064x}"
FILE = f"""
version: 1
teams: {{core: {{}}}}
principals: {{"ada@acme.com": {{team: core}}}}
providers: {{two: {{type: simulator}}}}
virtual_keys: {{ada: {{environment: test, principal: "ada@acme.com", secret_hash: "{HASH}"}}}}
limits:
  opus: {{match: {{model: "*opus*"}}, each: principal, rpm: 2}}
  all: {{rpm: 3, mode: warn}}
  mini: {{match: {{model: "*mini*"}}, rpm: 1}}
"""


def test_explain_tells_which_limits_a_request_counts_under(gateway, file):
    file.write_text(FILE)

    told = gateway("explain", "-c", "gateway.yaml", "--key", "ada", "--model", "two/claude-opus-4-8").out

    assert "limit:opus:principal=ada@acme.com:rpm 2" in told
    assert "limit:all:rpm 3, warns" in told
    assert "limit:mini" not in told


def test_explain_tells_what_budgets_count_and_where_they_send_requests(gateway, file):
    one = "scope: {team: core}, window: day, limit_tokens: 5000, model: '*opus*', endpoint: messages"
    file.write_text(f"{FILE}budgets: {{few: {{{one}, when_over: {{80: two/mini, 95: two/nano}}}}}}\n")

    told = gateway("explain", "-c", "gateway.yaml", "--key", "ada", "--model", "two/claude-opus-4-8").out

    assert (
        "budget few: team core, models *opus*, messages alone, 5,000 tokens per day, then refused; "
        "from 80 % on two/mini; from 95 % on two/nano"
    ) in told


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{match: {model: x}}", "a set of limits has at least one of rpm, rpd, tpm and concurrency"),
        ("{match: {team: nobody}, rpm: 1}", "there is no team named 'nobody'"),
        ("{match: {endpoint: chats}, rpm: 1}", "chat_completions"),
        ("{match: {model: x}, each: team, rpm: 1}", "end_user"),
        ('{match: {model: "${env:HOME}"}, rpm: 1}', "cannot come from a reference"),
        ('{rpm: 1, message: "${env:HOME}"}', "cannot come from a reference"),
    ],
)
def test_what_is_wrong_with_a_set_of_limits_is_told(gateway, file, written, said):
    file.write_text(f"version: 1\nlimits:\n  few: {written}\n")

    done = gateway("validate", "gateway.yaml", HOME="/root")

    assert done.code == 1
    assert said in f"{done.out}{done.err}"
    assert "gateway.yaml:3" in f"{done.out}{done.err}"


BUDGET = "scope: {team: core}, window: day"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("limit_usd: 1, raises: [{add_tokens: 5, until: 2999-01-01T00:00:00Z}]", "Write `add_usd`"),
        (
            "limit_usd: 1, raises: [{until: 2999-01-01T00:00:00Z}]",
            "exactly one of add_usd, add_tokens and add_requests",
        ),
        (
            'limit_usd: 1, raises: [{principal: "ada@acme.com", add_usd: 1, until: 2999-01-01T00:00:00Z}]',
            "the raise is for one principal, and the budget has one limit for all together",
        ),
        ("limit_usd: 1, limit_tokens: 5", "exactly one of limit_usd, limit_tokens and limit_requests"),
        ("limit_tokens: 5, endpoint: moderations", "chat_completions"),
        ("limit_tokens: 5, reserve: learned, reserve_margin_usd: 1", "the budget counts tokens"),
    ],
)
def test_what_is_wrong_with_a_budget_is_told(gateway, file, written, said):
    file.write_text(f"{FILE}budgets: {{b: {{{BUDGET}, {written}}}}}\n")

    done = gateway("validate", "gateway.yaml")

    assert done.code == 1
    assert said in f"{done.out}{done.err}"


def test_a_raise_that_is_over_is_warned_of_and_one_that_lasts_is_told(gateway, file, monkeypatch):
    limit = f"{BUDGET}, each: principal, limit_requests: 3"
    raises = "[{add_requests: 1, until: 2020-01-01T00:00:00Z}, {add_requests: 4, until: 2999-01-01T00:00:00Z}]"
    file.write_text(f"{FILE}budgets: {{b: {{{limit}, raises: {raises}}}}}\n")
    gateway("db", "upgrade")

    assert "warning[raise-over] the raise is over" in gateway("validate", "gateway.yaml").err
    assert "7 requests" in gateway("budgets", "-c", "gateway.yaml").out
