"""Several files and directories make one configuration."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.config.load import load

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HASHES = ("hmac-sha256:" + "a" * 64, "hmac-sha256:" + "b" * 64)


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def loaded(*paths: Path):
    return load(paths, environ={}, now=NOW)


def test_sections_are_merged():
    main = write("main.yaml", "version: 1\nproviders: {sim: {type: simulator}}\nteams: {a: {}}\n")
    more = write("more.yaml", f"teams: {{b: {{}}}}\nvirtual_keys: {{k: {{secret_hash: {HASHES[0]}, team: b}}}}\n")

    config = loaded(main, more).config

    assert sorted(config.teams) == ["a", "b"]
    assert config.virtual_keys["k"].team == "b"


def test_a_directory_means_its_yaml_files_in_order_and_no_hidden_ones():
    write("keys/b.yml", "teams: {b: {}}")
    write("keys/a.yaml", "version: 1\nteams: {a: {}}")
    write("keys/.hidden.yaml", "nonsense: {")
    write("keys/notes.txt", "nonsense: {")
    write("keys/deeper.yaml/c.yaml", "teams: {c: {}}")

    result = loaded(Path("keys"))

    assert list(result.config.teams) == ["a", "b", "c"]
    lock = Path("keys/prices.lock.yaml")
    folders = Path("keys"), Path("keys/deeper.yaml")
    assert result.files == (*folders, Path("keys/a.yaml"), Path("keys/b.yml"), folders[1] / "c.yaml", lock)


def test_a_mounted_config_map_is_read_once():
    write("mount/..2026_06_01/gateway.yaml", "version: 1\nteams: {a: {}}")
    Path("mount/..data").symlink_to("..2026_06_01")
    Path("mount/gateway.yaml").symlink_to("..data/gateway.yaml")

    result = loaded(Path("mount"))

    assert result.diagnostics == ()
    assert list(result.config.teams) == ["a"]


def test_a_name_that_two_files_declare_names_both_places(snapshot):
    a = write("a.yaml", "version: 1\nteams:\n  engineering: {}\n")
    b = write("b.yaml", "version: 1\nteams:\n  sales: {}\n  engineering: {}\n")

    assert "\n".join(map(str, loaded(a, b).diagnostics)) == snapshot


def test_settings_that_differ_name_both_places_but_not_the_values(snapshot):
    a = write("a.yaml", "version: 1\nowner: hunter2\n")
    b = write("b.yaml", "version: 1\nowner: hunter3\n")

    assert "\n".join(map(str, loaded(a, b).diagnostics)) == snapshot


def test_a_finding_stands_in_the_file_that_it_is_about(snapshot):
    a = write("a.yaml", "version: 1\nproviders: {sim: {type: simulator}}\n")
    b = write("b.yaml", f"\nvirtual_keys:\n  k: {{secret_hash: {HASHES[0]}, providers: [sin], colour: red}}\n")
    c = write("c.yaml", f"\nvirtual_keys:\n  l: {{secret_hash: {HASHES[1]}, providers: [sin]}}\n")

    assert "\n".join(map(str, loaded(a, b, c).diagnostics)) == snapshot


def test_a_file_that_is_named_twice_is_read_once():
    a = write("a.yaml", "version: 1\nteams: {a: {}}\n")

    assert loaded(a, a).diagnostics == ()


def test_what_cannot_be_read_is_a_finding(snapshot):
    Path("empty").mkdir()
    Path("binary.yaml").write_bytes(b"version: \xff\xfe")
    Path("broken.yaml").symlink_to("nowhere")

    result = loaded(Path("absent.yaml"), Path("empty"), Path("binary.yaml"), Path("broken.yaml"), Path("nul\0.yaml"))

    assert result.config is None
    assert "\n".join(map(str, result.diagnostics)) == snapshot


def test_a_file_that_is_absent_is_watched_for():
    assert loaded(Path("absent.yaml")).files == (Path("absent.yaml"), Path("prices.lock.yaml"))
