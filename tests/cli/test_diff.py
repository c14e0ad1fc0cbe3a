"""`gateway diff`: two configurations, each a file, a folder or a commit of git."""

import json
import subprocess

import pytest

HASH = "hmac-sha256:" + "1" * 64
BEFORE = f"""version: 1
owner: platform
teams: {{ops: {{}}}}
providers:
  openai: {{type: openai, api_key: "${{env:OPENAI_API_KEY}}"}}
  sim: {{type: simulator}}
policy_rules: {{no-shell: {{tools: {{deny: ["^shell"]}}}}}}
key_classes: {{engineer: {{rate_limits: {{rpm: 300}}}}}}
virtual_keys:
  ada: {{class: engineer, policy_rules: [no-shell], state: disabled, secret_hash: "{HASH}"}}
  bob: {{class: engineer}}
  old: {{team: ops}}
  gone: {{}}
"""
AFTER = f"""version: 1
owner: platform
teams: {{ops: {{}}}}
providers:
  openai: {{type: openai, api_key: "${{env:OTHER_KEY}}"}}
  sim: {{type: simulator}}
policy_rules: {{no-shell: {{tools: {{deny: ["^fs"]}}}}}}
key_classes: {{engineer: {{rate_limits: {{rpm: 400}}}}}}
virtual_keys:
  ada: {{class: engineer, policy_rules: [no-shell], secret_hash: "{HASH}"}}
  bob: {{class: engineer}}
  new: {{team: ops}}
  more: {{models_allowed: ["gpt-5*"]}}
moved: [{{from: virtual_keys/old, to: virtual_keys/new}}]
"""
SMALL = "version: 1\nproviders: {sim: {type: simulator}}\nvirtual_keys: {ci: {rate_limits: {rpm: RPM}, HASH}}\n"


def small(rpm, more=""):
    return SMALL.replace("RPM", str(rpm)).replace("HASH", f'secret_hash: "{HASH}"') + more


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory to work in, without what other configurations would be read from."""
    monkeypatch.chdir(tmp_path)
    for name in ("GATEWAY_PATCH", "GATEWAY_FILE_ROOTS", "OPENAI_API_KEY", "OTHER_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def diff(gateway, here):
    """Runs `gateway diff` over the files that are given."""

    def run(*arguments, files=None, code=0, **environ):
        for name, text in (files or {}).items():
            (here / name).parent.mkdir(exist_ok=True, parents=True)
            (here / name).write_text(text)
        done = gateway("diff", *arguments, **environ)
        assert done.code in (code, None if code == 0 else code), done
        return done.out if code in (0, 2) else done.err

    return run


def git(directory, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def history(here):
    """A repository whose `gateway.yaml` had a limit of 1, of 2 at the tag `v2` and of 3 on `main`; it is 4 by now."""
    git(here, "init", "-q", "-b", "main")
    for rpm in (1, 2, 3):
        (here / "gateway.yaml").write_text(small(rpm))
        git(here, "add", ".")
        git(here, "commit", "-qm", str(rpm))
        if rpm == 2:
            git(here, "tag", "-am", "two", "v2")
    (here / "gateway.yaml").write_text(small(4))
    return here


FILES = {"old.yaml": BEFORE, "new.yaml": AFTER}


@pytest.mark.parametrize("form", ["text", "markdown", "github"])
def test_it_says_what_a_plan_says(diff, snapshot, form):
    assert diff("old.yaml", "new.yaml", "--format", form, files=FILES) == snapshot


def test_what_was_renamed_is_renamed_back(diff):
    said = diff("new.yaml", "old.yaml", files=FILES)

    assert "was virtual_keys.new; keeps its secret" in said
    assert "1 to create, 4 to change, 1 to remove, 1 to rename" in said


def test_machines_get_one_object(diff):
    found = json.loads(diff("old.yaml", "new.yaml", "--format", "json", files=FILES))

    assert found["before"] == {"name": "old.yaml", "commit": None, "owner": "platform"}
    assert found["summary"]["widens"] == 3
    assert {one["address"] for one in found["resource_changes"]} >= {"virtual_keys.new", "key_classes.engineer"}


def test_findings_stand_where_the_second_file_says_it(diff):
    log = json.loads(diff("old.yaml", "new.yaml", "--format", "sarif", files=FILES))

    found = log["runs"][0]["results"]
    assert {one["ruleId"] for one in found} == {"widens-access"}
    places = [one["locations"][0]["physicalLocation"] for one in found]
    assert {one["artifactLocation"]["uri"] for one in places} == {"new.yaml"}
    assert all(one["region"]["startLine"] for one in places)


EXITS = [
    ("files that are the same", small(1), small(1), "No differences. 2 resources match.", 0),
    ("files that mean the same", small(1), f"# other words\n{small(1)}teams: {{}}\n", "No differences.", 0),
    ("files that differ", small(1), small(2), "rate_limits.rpm          1 -> 2", 2),
    ("another owner", small(1), small(1, "owner: us\n"), "owner (none) -> us", 2),
]


@pytest.mark.parametrize(("before", "after", "said", "code"), [one[1:] for one in EXITS], ids=[e[0] for e in EXITS])
def test_the_exit_code_tells_whether_there_are_differences(diff, before, after, said, code):
    files = {"a.yaml": before, "b.yaml": after}

    assert said in diff("a.yaml", "b.yaml", "--detailed-exitcode", files=files, code=code)
    assert said in diff("a.yaml", "b.yaml")


CREDENTIALS = [
    ("another reference", "'${env:ONE}'", "'${env:TWO}'", True),
    ("the same one", "'${env:ONE}'", "'${env:ONE}'", False),
    ("a literal", "sk-canary-1", "sk-canary-2", True),
    ("the same literal", "sk-canary-1", "sk-canary-1", False),
    ("another one behind letters", "'canary-${env:ONE}'", "'canary-${env:TWO}'", True),
    ("the same one behind letters", "'canary-${env:ONE}'", "'canary-${env:ONE}'", False),
    ("a reference for a literal", "sk-canary-1", "'${env:ONE}'", True),
]


@pytest.mark.parametrize("environ", [{}, {"ONE": "sk-canary-1", "TWO": "sk-canary-1"}], ids=["absent", "set"])
@pytest.mark.parametrize(("had", "has", "differs"), [c[1:] for c in CREDENTIALS], ids=[c[0] for c in CREDENTIALS])
@pytest.mark.parametrize("form", ["text", "json"])
def test_credentials_are_compared_as_they_are_written_and_never_shown(diff, had, has, differs, environ, form):
    file = "version: 1\nproviders: {openai: {type: openai, api_key: KEY}}\n"
    files = {"a.yaml": file.replace("KEY", had), "b.yaml": file.replace("KEY", has)}

    said = diff("a.yaml", "b.yaml", "--format", form, files=files, **environ)

    assert ("(sensitive, changed)" in said) is differs
    assert "canary" not in said


COMMITS = [
    (("HEAD", "gateway.yaml"), "3 -> 4"),
    (("HEAD~1", "gateway.yaml"), "2 -> 4"),
    (("gateway.yaml", "HEAD"), "4 -> 3"),
    (("v2", "main"), "2 -> 3"),
    (("main~2", "v2"), "1 -> 2"),
    (("HEAD", "main"), "No differences."),
]


@pytest.mark.parametrize(("sides", "said"), COMMITS, ids=[" ".join(one[0]) for one in COMMITS])
@pytest.mark.usefixtures("history")
def test_a_side_may_be_whatever_git_takes_for_a_commit(diff, sides, said):
    assert said in diff(*sides)


def test_a_commit_is_named_with_its_hash_and_may_be_named_by_it(diff, history):
    done = subprocess.run(["git", "rev-parse", "HEAD~1"], cwd=history, check=True, capture_output=True, text=True)
    commit = done.stdout.strip()

    assert diff("HEAD~1", "gateway.yaml").startswith(f"HEAD~1 ({commit[:7]}")
    assert "2 -> 4" in diff(commit, "gateway.yaml")


@pytest.mark.usefixtures("history")
def test_a_file_that_has_the_name_of_a_commit_is_the_file(diff):
    said = diff("v2", "main", "-c", "gateway.yaml", files={"main": small(9)})

    assert "2 -> 9" in said
    assert "-> main\n" in said


def test_a_commit_is_read_where_the_other_side_lies_unless_config_says_where(diff, history):
    diff("HEAD", "gateway.yaml", files={"conf/keys.yaml": small(7), "conf/prices/x.yaml": "teams: {ops: {}}\n"})
    git(history, "add", ".")
    git(history, "commit", "-qm", "a folder")

    assert "7 -> 8" in diff("HEAD", "conf", files={"conf/keys.yaml": small(8)})
    assert "4 -> 8" in diff("HEAD", "conf", "--config", "gateway.yaml")
    assert "No differences. 3 resources" in diff("HEAD", "HEAD", "-c", "conf")


def test_a_commit_is_read_where_the_settings_say_where_no_side_is_a_path(diff, history):
    (history / "gateway.yaml").rename(history / "policy.yaml")
    git(history, "add", "-A")
    git(history, "commit", "-qm", "renamed")
    (history / "policy.yaml").write_text(small(5))
    git(history, "commit", "-qam", "more")

    assert "4 -> 5" in diff("HEAD~1", "HEAD", GATEWAY_CONFIG="policy.yaml")


PATCH = "patch: [{at: /virtual_keys/ci/rate_limits/tpm, set: 5}]\n"


@pytest.mark.parametrize("how", ["--patch", "GATEWAY_PATCH"])
def test_a_patch_applies_to_both_sides_as_each_has_it(diff, history, how):
    given = (("--patch", "prod.yaml"), {}) if how == "--patch" else ((), {"GATEWAY_PATCH": "prod.yaml"})
    said = diff("HEAD", "gateway.yaml", *given[0], files={"prod.yaml": PATCH}, **given[1])
    assert "rate_limits.tpm          (default) -> 5" in said

    git(history, "add", ".")
    git(history, "commit", "-qm", "with a patch")
    assert "No differences." in diff("HEAD", "gateway.yaml", *given[0])
    said = diff("HEAD", "gateway.yaml", *given[0], files={"prod.yaml": PATCH.replace("5", "6")})
    assert "rate_limits.tpm          5 -> 6" in said


BROKEN = "version: 1\nprovidres: {}\n"
REFUSED = [
    ("nothing of that name", ("nowhere.yaml", "gateway.yaml"), "nowhere.yaml is neither a file nor a folder"),
    ("no such commit", ("HEAD~9", "gateway.yaml"), "HEAD~9 is neither a file nor a folder, and git knows no such com"),
    ("an option of git", ("--", "--output=x", "gateway.yaml"), "--output=x is neither a file nor a folder"),
    ("a commit without the file", ("HEAD", "new/"), "git has no new at HEAD; --config says where"),
    ("the same by --config", ("HEAD", "v2", "-c", "x.yaml"), "git has no x.yaml at HEAD; --config says where"),
    (
        "a file that is not valid",
        ("HEAD", "broken.yaml", "-c", "gateway.yaml"),
        "broken.yaml:2:1: error[unknown-field]",
    ),
    (
        "which side",
        ("HEAD", "broken.yaml", "-c", "gateway.yaml"),
        "broken.yaml is not a valid configuration; nothing was compared.",
    ),
    ("a folder without files", ("HEAD", "empty", "-c", "gateway.yaml"), "the directory holds no *.yaml file"),
]


@pytest.mark.parametrize(("sides", "said"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_cannot_be_compared_is_told(diff, history, sides, said):
    (history / "empty").mkdir()

    told = diff(*sides, files={"broken.yaml": BROKEN, "new/gateway.yaml": small(1)}, code=1)

    assert said in told


def test_outside_a_repository_there_are_no_commits(diff):
    said = diff("HEAD", "b.yaml", files={"b.yaml": small(1)}, code=1)

    assert "HEAD is neither a file nor a folder" in said
    assert "in no repository of git" in said


def test_a_commit_that_is_not_valid_is_named_as_git_names_it(diff, history):
    (history / "gateway.yaml").write_text(BROKEN)
    git(history, "commit", "-qam", "broken")

    said = diff("HEAD", "HEAD~1", code=1)

    assert "HEAD:gateway.yaml:2:1: error[unknown-field]" in said
    assert "HEAD is not a valid configuration" in said
    assert "/gateway-base-" not in said


def test_machines_are_told_which_side_is_not_valid(diff, gateway):
    diff("b.yaml", "b.yaml", files={"a.yaml": BROKEN, "b.yaml": small(1)})

    done = gateway("diff", "a.yaml", "b.yaml", "--format", "json")

    found = json.loads(done.out)
    assert done.code == 1
    assert found["errors"] == ["a.yaml is not a valid configuration; nothing was compared."]
    assert [one["code"] for one in found["diagnostics"]] == ["unknown-field"]
