import codecs
from datetime import UTC, datetime

import pytest

from gateway.config.edit import EditError, add_key, change_key, rotate_key

ONE, TWO = "hmac-sha256:" + "1" * 64, "hmac-sha256:" + "2" * 64
TEXT = f"""# the file
version: 1
providers:
  sim: {{type: simulator}} # built in

virtual_keys:
  # for people
  old:
    environment: test
    secret_hash: {ONE}
    models_allowed: ["gpt-*"]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def test_a_key_is_added_and_everything_else_stays(file):
    add_key(file, "new", TWO, "test")

    assert file.read_text() == TEXT + f"  new:\n    environment: test\n    secret_hash: {TWO}\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_letters_line_ends_and_a_byte_order_mark_stay(file, mark, line_end):
    text = TEXT.replace("# for people", "# für Leute: é")
    file.write_bytes(mark + text.replace("\n", line_end).encode())

    add_key(file, "new", TWO, "test")

    added = f"{text}  new:\n    environment: test\n    secret_hash: {TWO}\n"
    assert file.read_bytes() == mark + added.replace("\n", line_end).encode()


def test_a_rotation_keeps_the_old_hash_for_a_while(file):
    environments = []

    def renew(environment):
        environments.append(environment)
        return TWO

    rotate_key(file, "old", renew, datetime(2027, 1, 1, tzinfo=UTC))

    assert environments == ["test"]
    assert file.read_text() == TEXT.replace(ONE, TWO) + (
        f"    previous_secret_hash: {ONE}\n    previous_secret_expires_at: '2027-01-01T00:00:00Z'\n"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda file: add_key(file, "old", TWO, "test"), "has a secret already"),
        (lambda file: add_key(file, "bad name", TWO, "test"), "would not be valid"),
        (lambda file: add_key(file, "new", "not a hash", "test"), "would not be valid"),
        (lambda file: add_key(file, "new", TWO, "staging"), "would not be valid"),
        (lambda file: rotate_key(file, "nobody", lambda _: TWO, datetime(2027, 1, 1, tzinfo=UTC)), "no virtual key"),
        (lambda file: add_key(file.parent / "absent.yaml", "new", TWO, "test"), "cannot be read"),
    ],
)
def test_a_change_that_is_refused_leaves_the_file_as_it_was(file, change, reason):
    with pytest.raises(EditError, match=reason):
        change(file)

    assert file.read_text() == TEXT
    assert list(file.parent.iterdir()) == [file]


def test_nothing_is_written_through_a_link(file):
    link, before = file.parent / "link.yaml", file.read_text()
    link.symlink_to(file)

    with pytest.raises(EditError, match="nothing is written through links"):
        add_key(link, "new", TWO, "test")

    assert link.is_symlink()
    assert file.read_text() == before


def test_what_stands_elsewhere_keeps_its_layout(file):
    layout = "moved:\n  - {from: teams.a,   to: teams.b}\nteams: {a: {description: 'it''s'}, b: {}}\n"
    file.write_text(layout + TEXT)

    add_key(file, "old2", TWO, "test")
    rotate_key(file, "old", lambda _: TWO, datetime(2027, 1, 1, tzinfo=UTC))
    change_key(file, "old", lambda _: {"state": "disabled"})
    change_key(file, "old", lambda key: {"state": None if key["state"] == "disabled" else "active"})

    assert file.read_text().startswith(layout + TEXT.replace(ONE, TWO))


def test_what_two_keys_share_is_not_changed_for_both(file):
    text = TEXT + "  a: &shared {environment: test}\n  b: *shared\n"
    file.write_text(text)

    with pytest.raises(EditError, match="b is written in a way that cannot be changed in place"):
        add_key(file, "b", TWO, "test")

    assert file.read_text() == text
