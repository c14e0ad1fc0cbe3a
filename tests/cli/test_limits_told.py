"""What commands say of `limits:`."""

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
