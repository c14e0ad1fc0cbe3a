"""`examples/organisation`: a thousand people, a line each. It is valid, served, tested, planned and applied."""

import re
import shutil

import pytest
import yaml

from tests.contract.test_plan_and_apply import Home
from tests.support import launcher
from tests.support.gateway import Gateway
from tests.support.organisation import FOLDER, TEAMS, files, people, secret
from tests.support.sqlite import migrated

EVERYBODY = [*people()]
PROD = ("--patch", str(FOLDER / "prod.yaml"))
ACCOUNTS = {"OPENAI_API_KEY": "sk-one", "ANTHROPIC_API_KEY": "sk-other"}


def test_the_files_of_people_are_those_that_are_made():
    assert {file.name: file.read_text() for file in (FOLDER / "people").iterdir()} == files()
    assert len({name for _, name, _, _ in EVERYBODY}) == sum(TEAMS.values()) == 1000
    assert sorted(yaml.safe_load((FOLDER / "base.yaml").read_text())["teams"]) == sorted(TEAMS)


@pytest.mark.parametrize(
    "command",
    [("validate", str(FOLDER)), ("validate", str(FOLDER), *PROD), ("test", str(FOLDER / "organisation.test.yaml"))],
    ids=["valid", "valid in production", "its rules do what they say"],
)
def test_it_is_right(command):
    done = launcher.run([*command], env=ACCOUNTS)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("organisation"), None, "-c", str(FOLDER))
    yield gateway
    gateway.stop()


@pytest.mark.parametrize(
    ("who", "model", "status"),
    [
        ("abrix.amberlow@acme.example", "smart", 200),
        ("arden.kestrelby@acme.example", "smart", 403),
        ("arden.kestrelby@acme.example", "fast", 200),
        ("fenna.rookmoor@acme.example", "gpt-5", 403),
        (EVERYBODY[-1][1], "fast", 200),
    ],
    ids=["an engineer", "a contractor", "a contractor with a small model", "sales", "the last one"],
)
def test_each_person_asks_with_a_key_that_nobody_wrote(served, who, model, status):
    number = next(number for number, name, _, _ in EVERYBODY if name == who)

    answer = served.chat(model, headers={"authorization": f"Bearer {secret(number)}"})

    assert answer.status_code == status, answer.text
    if status == 200:
        record = served.record_of(answer)
        assert (record["virtual_key"], record["principal"]) == (who, who)


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path, "--database", "default")
    made.environment |= {**ACCOUNTS, "GATEWAY_KEY_PEPPER": "0123456789abcdef" * 4}
    (tmp_path / "data").mkdir(mode=0o700)
    migrated(tmp_path / "data" / "gateway.db")
    made.file.unlink()
    shutil.copytree(FOLDER, tmp_path / "organisation")
    return made


def changes(said):
    """What a plan says, without when."""
    return re.sub(r"\d+ [A-Z][a-z]{2} \d{4} \d\d:\d\d", "(a moment)", said[said.index("Changes:") :])


def test_it_is_planned_and_applied_and_one_more_person_is_one_line(home, snapshot):
    where = ("-c", "organisation", "--patch", "organisation/prod.yaml")
    said = home.run("apply", *where, "-y")
    assert len(re.findall(r"[a-z.]+@acme\.example=lw_vk_live_[0-9A-Z]{26}", said)) == 1000
    assert "No changes." in home.run("plan", *where)

    team = home.directory / "organisation" / "people" / "search.yaml"
    team.write_text(team.read_text() + "  nova.tarn@acme.example: {team: search}\n")
    joined = home.run("plan", *where)
    assert changes(joined) == snapshot(name="somebody joins")

    base = home.directory / "organisation" / "base.yaml"
    base.write_text(base.read_text().replace("rpm: 300", "rpm: 400"))
    team.write_text("".join(files()["search.yaml"].splitlines(keepends=True)[:-1]))
    assert changes(home.run("plan", *where)) == snapshot(name="somebody leaves, and a class has more")
