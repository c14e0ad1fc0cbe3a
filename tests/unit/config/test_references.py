from pathlib import Path

import pytest

from gateway.config.references import References

PATH = ("providers", "a", "api_key")


def references(directory=Path(), environ=None, *, serving=False):
    known = {"A": "alpha", "EMPTY": "", "ODD": "${env:A}"} if environ is None else environ
    return References(
        directory / "gateway.yaml", "gateway.yaml", known, resolve_runtime_env=serving, runtime_env=("A",)
    )


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("${env:A}", "alpha"),
        ("x${env:A}y${env:A}z", "xalphayalphaz"),
        ("${env:NO:-b}", "b"), ("${env:EMPTY:-b}", "b"), ("${env:A:-b}", "alpha"), ("${env:NO:-}", ""), ("${env:NO:-x:-y}", "x:-y"),
        ("${env:EMPTY}", ""),
        ("$${env:A}", "${env:A}"), ("$$${env:A}", "$${env:A}"), ("$${", "${"), ("a $$ b $ {", "a $$ b $ {"),
        ("${env:ODD}", "${env:A}"),
        ("${runtime-env:A}", "${runtime-env:A}"),
    ],
)  # fmt: skip
def test_resolves(written, resolved):
    found = references()

    assert found.resolve(written, PATH, (1, 1)) == resolved
    assert found.findings == []


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("${env:NO}", "reference-missing"), ("${file:no.txt}", "reference-missing"), ("${file:.}", "reference-missing"),
        ("${env:}", "reference-syntax"), ("${env:A", "reference-syntax"), ("${}", "reference-syntax"), ("${", "reference-syntax"),
        ("${ENV:A}", "reference-syntax"), ("${A}", "reference-syntax"), ("${env:A B}", "reference-syntax"), ("${vault:A}", "reference-syntax"),
    ],
)  # fmt: skip
def test_refuses(written, code):
    found = references()

    found.resolve(written, PATH, (3, 7))

    assert [(one.code, one.line, one.column, one.pointer) for one in found.findings] == [
        (code, 3, 7, "/providers/a/api_key")
    ]
    assert found.failed == {PATH}


def test_a_serving_node_resolves_its_own_environment():
    assert references(serving=True).resolve("${runtime-env:A}", PATH, (1, 1)) == "alpha"


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"key\n", "key"), (b"key\r\n", "key"), (b"key\n\n", "key\n"), (b"", ""), (b"${env:A}", "${env:A}")],
)
def test_a_file_loses_one_newline_at_its_end(tmp_path, content, value):
    (tmp_path / "key.txt").write_bytes(content)
    found = references(tmp_path)

    assert found.resolve("${file:key.txt}", PATH, (1, 1)) == value
    assert found.files == {tmp_path / "key.txt": content}


def test_a_file_that_is_absent_is_remembered_for_the_watcher(tmp_path):
    found = references(tmp_path)

    found.resolve("${file:later.txt}", PATH, (1, 1))

    assert list(found.files) == [tmp_path / "later.txt"]


@pytest.mark.parametrize(
    "written",
    [
        "../outside.txt",
        "sub/../../outside.txt",
        "link.txt",
        "folder/outside.txt",
        "/proc/self/environ",
        "{root}/outside.txt",
    ],
)
def test_a_file_is_judged_by_where_it_really_is(tmp_path, written):
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("canary")
    (here / "link.txt").symlink_to(tmp_path / "outside.txt")
    (here / "folder").symlink_to(tmp_path)
    found = references(here)

    assert found.resolve(f"${{file:{written.format(root=tmp_path)}}}", PATH, (1, 1)) == ""

    assert [one.code for one in found.findings] == ["reference-outside"]


def test_links_within_the_folder_and_named_folders_are_followed(tmp_path):
    here, secrets = tmp_path / "here", tmp_path / "secrets"
    (here / "..data").mkdir(parents=True)
    secrets.mkdir()
    (here / "..data" / "key").write_text("mounted")
    (here / "key").symlink_to("..data/key")
    (secrets / "key").write_text("secret")
    (tmp_path / "named").symlink_to(secrets)
    found = References(here / "g.yaml", "g.yaml", {}, resolve_runtime_env=False, roots=[tmp_path / "named"])

    assert found.resolve("${file:key}", PATH, (1, 1)) == "mounted"
    assert found.resolve(f"${{file:{secrets}/key}}", PATH, (1, 1)) == "secret"


@pytest.mark.parametrize("content", [b"\xff", b"x" * (1024 * 1024 + 1)])
def test_a_file_has_to_be_text_of_reasonable_size(tmp_path, content):
    (tmp_path / "key.txt").write_bytes(content)
    found = references(tmp_path)

    found.resolve("${file:key.txt}", PATH, (1, 1))

    assert [one.code for one in found.findings] == ["reference-missing"]


@pytest.mark.parametrize(
    ("written", "hidden"),
    [
        ("${env:A}", True), ("Bearer ${env:A}", True), ("${env:A}${env:A}", True), ("${runtime-env:A}", True),
        ("${env:A:-b}", False), ("sk-${env:A}", False), ("$${env:A}", False), ("plain", False), ("Bearer sk-1", False),
    ],
)  # fmt: skip
def test_tells_what_hides_a_secret(written, hidden):
    found = references()

    found.resolve(written, PATH, (1, 1))

    assert (PATH in found.hidden) == hidden
