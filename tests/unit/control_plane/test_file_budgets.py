"""Budgets of files that change."""

import pytest

from gateway.control_plane.file_budgets import FileBudgets

FILE = "version: 1\norganization: acme\nbudgets:\n  b: {scope: {organization: acme}, window: day, limit_usd: %s}\n"


def test_a_changed_file_is_read_and_a_wrong_one_changes_nothing(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text(FILE % 1)
    source = FileBudgets([file], {})
    assert [one.limit for one in source.known().budgets] == [10**9]
    assert source.known() is source.known()

    file.write_text(FILE % 22)
    assert [one.limit for one in source.known().budgets] == [22 * 10**9]

    file.write_text("version: 1\nbudget: {}\n")
    wrong = source.known()
    assert [one.limit for one in wrong.budgets] == [22 * 10**9]
    assert "gateway.yaml:2" in wrong.problems[0]

    file.unlink()
    assert source.known().problems
    file.write_text(FILE % 333)
    assert (source.known().problems, source.known().budgets[0].limit) == ((), 333 * 10**9)


def test_a_new_file_in_a_directory_is_noticed(tmp_path):
    (tmp_path / "a.yaml").write_text(FILE % 1)
    source = FileBudgets([tmp_path], {})

    (tmp_path / "b.yaml").write_text("budgets:\n  c: {scope: {organization: acme}, window: day, limit_usd: 2}\n")

    assert [one.name for one in source.known().budgets] == ["b", "c"]


def test_there_is_nothing_to_begin_with(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.yaml"):
        FileBudgets([tmp_path / "gone.yaml"], {})
