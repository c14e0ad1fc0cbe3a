import pytest

from gateway.config.git import commit_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "gateway.yaml").touch()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return tmp_path


def test_a_branch(repository):
    (repository / ".git" / "refs" / "heads" / "main").write_text(COMMIT + "\n")

    assert commit_of(repository / "deep" / "gateway.yaml") == COMMIT[:7]


def test_a_packed_branch(repository):
    (repository / ".git" / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n^{COMMIT}\n")

    assert commit_of(repository / "deep" / "gateway.yaml") == COMMIT[:7]


def test_a_detached_head(repository):
    (repository / ".git" / "HEAD").write_text(COMMIT + "\n")

    assert commit_of(repository / "deep" / "gateway.yaml") == COMMIT[:7]


def test_a_worktree(repository, tmp_path_factory):
    (repository / ".git" / "refs" / "heads" / "main").write_text(COMMIT + "\n")
    private = repository / ".git" / "worktrees" / "w"
    private.mkdir(parents=True)
    (private / "HEAD").write_text("ref: refs/heads/main\n")
    (private / "commondir").write_text("../..\n")
    worktree = tmp_path_factory.mktemp("worktree")
    (worktree / ".git").write_text(f"gitdir: {private}\n")

    assert commit_of(worktree / "gateway.yaml") == COMMIT[:7]


@pytest.mark.parametrize("head", ["", "ref: refs/heads/absent\n", "nonsense\n", "\0"])
def test_a_repository_that_is_odd_has_no_commit(repository, head):
    (repository / ".git" / "HEAD").write_text(head)

    assert commit_of(repository / "deep" / "gateway.yaml") is None


def test_a_head_that_is_not_text_is_no_failure(repository):
    (repository / ".git" / "HEAD").write_bytes(b"\xff\xfe")

    assert commit_of(repository / "deep" / "gateway.yaml") is None
