"""Which commit files belong to, asked of repositories that git itself made."""

import hashlib
import os
import subprocess

import pytest

from gateway.config.git import commit_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOBODY = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


class Repository:
    """One with two files, in a folder of its own."""

    def __init__(self, root):
        self.root = root
        self.git("init", "-q", "-b", "main")
        self.file = root / "deep" / "gateway.yaml"
        self.other = root / "deep" / "keys" / "a.yaml"
        self.other.parent.mkdir(parents=True)
        self.file.write_text("version: 1\n")
        self.other.write_text("virtual_keys: {}\n")
        self.commit()

    def git(self, *arguments):
        who = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.root, env=NOBODY, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def pipe(self, *arguments, content=b""):
        subprocess.run(["git", *arguments], cwd=self.root, env=NOBODY, check=True, capture_output=True, input=content)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")

    @property
    def head(self):
        return self.git("rev-parse", "HEAD")[:7]


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


def packed(repository):
    """Many versions of a long file, so that packs have deltas of both kinds of copies."""
    lines = [f"# line {number} {hashlib.sha256(b'%d' % number).hexdigest()}" for number in range(6_000)]
    for turn in range(12):
        lines[turn * 300] = f"# turn {turn}"
        lines.insert(turn, f"# new {turn}")
        repository.file.write_text("\n".join(lines))
        repository.commit()
    repository.git("gc", "-q", "--aggressive")
    assert "chain length" in repository.git("verify-pack", "-v", *map(str, (repository.root / ".git").rglob("*.idx")))


def packed_by_reference(repository):
    """As a fetch receives objects: deltas name what they are based on by its id."""
    packed(repository)
    folder = repository.root / ".git" / "objects" / "pack"
    (pack,) = folder.glob("*.pack")
    content = pack.read_bytes()
    for one in folder.iterdir():
        one.unlink()
    repository.pipe("unpack-objects", "-q", content=content)
    repository.pipe("pack-objects", "-q", "--all", "--window=50", str(folder / "pack"))
    repository.git("prune-packed")


@pytest.mark.parametrize(
    "arrange",
    [
        lambda _repository: None,
        lambda repository: repository.git("pack-refs", "--all"),
        lambda repository: repository.git("checkout", "-q", "--detach"),
        packed,
        packed_by_reference,
    ],
    ids=["loose", "packed branch", "detached", "packed objects", "deltas by reference"],
)
def test_files_that_are_as_the_commit_has_them(repository, arrange):
    arrange(repository)
    (repository.root / "untracked").touch()

    assert commit_of([repository.file, repository.other]) == repository.head
    repository.other.write_text("virtual_keys: {a: {}}\n")
    assert commit_of([repository.file, repository.other]) == f"{repository.head}+dirty"


def test_what_is_staged_is_not_committed(repository):
    repository.file.write_text("version: 1\nowner: x\n")
    repository.git("add", "-A")

    assert commit_of([repository.file]) == f"{repository.head}+dirty"


def test_what_git_does_not_know_is_not_committed(repository, tmp_path_factory):
    new = repository.root / "new.yaml"
    new.write_text("version: 1\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "gateway.yaml"
    elsewhere.write_text("version: 1\n")

    assert commit_of([repository.file, new]) == f"{repository.head}+dirty"
    assert commit_of([repository.file, elsewhere]) == f"{repository.head}+dirty"
    assert commit_of([elsewhere]) is None


def test_lines_that_a_checkout_ended_another_way_are_the_same(repository):
    repository.file.write_bytes(b"version: 1\r\n")

    assert commit_of([repository.file]) == repository.head


def test_a_worktree(repository, tmp_path_factory):
    worktree = tmp_path_factory.mktemp("worktree") / "w"
    repository.git("worktree", "add", "-q", str(worktree), "-b", "w")

    assert commit_of([worktree / "deep" / "gateway.yaml"]) == repository.head


def test_a_shallow_clone_and_one_with_alternates(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clones")
    repository.commit()
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.root}", str(folder / "shallow"))
    repository.git("clone", "-q", "--shared", str(repository.root), str(folder / "shared"))

    for clone in ("shallow", "shared"):
        assert commit_of([folder / clone / "deep" / "gateway.yaml"]) == repository.head


def test_a_commit_that_cannot_be_read_counts_as_another(repository):
    (repository.root / ".git" / "refs" / "heads" / "main").write_text(COMMIT + "\n")

    assert commit_of([repository.file]) == f"{COMMIT[:7]}+dirty"


@pytest.mark.parametrize("head", ["", "ref: refs/heads/absent\n", "nonsense\n", "\0"])
def test_a_repository_that_is_odd_has_no_commit(repository, head):
    (repository.root / ".git" / "HEAD").write_text(head)

    assert commit_of([repository.file]) is None


def test_a_head_that_is_not_text_is_no_failure(repository):
    (repository.root / ".git" / "HEAD").write_bytes(b"\xff\xfe")

    assert commit_of([repository.file]) is None
