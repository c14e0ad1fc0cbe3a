"""Files for their owner alone: modes whatever the umask is, links that are not followed, what is looser already."""

import os
import sqlite3
import stat
from contextlib import closing

import pytest
from sqlalchemy.exc import OperationalError

from gateway import private_files
from gateway.control_plane.encryption import EncryptionError, open_vault
from gateway.ledger.worker_directory import abandoned, claim
from gateway.storage.engine import open_engine
from tests.support import launcher


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o077, 0o377], ids=oct)
def _any_umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_any_umask")
def test_what_is_made_is_for_its_owner_alone(tmp_path):
    private_files.make_folder(tmp_path / "above" / "folder")
    private_files.write_new(tmp_path / "new", b"x")
    private_files.replace(tmp_path / "replaced", b"x")
    os.close(private_files.open_private(tmp_path / "opened", os.O_WRONLY))

    assert [mode_of(tmp_path / name) for name in ("above", "above/folder")] == [0o700] * 2
    assert [mode_of(tmp_path / name) for name in ("new", "replaced", "opened")] == [0o600] * 3


def test_what_is_looser_is_tightened(tmp_path):
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    folder.chmod(0o775)
    file.write_text("kept")
    file.chmod(0o444)

    private_files.make_folder(folder)
    private_files.tighten(file)

    assert (mode_of(folder), mode_of(file), file.read_text()) == (0o700, 0o400, "kept")


def test_a_folder_that_is_for_everybody_stays_so(tmp_path, caplog):
    tmp_path.chmod(0o1777)

    private_files.make_folder(tmp_path)

    assert mode_of(tmp_path) == 0o1777
    assert f"{tmp_path} is open to other users (mode 1777" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_what_belongs_to_another_user_is_told_once(tmp_path, caplog):
    file = tmp_path / "file"
    file.write_text("x")
    file.chmod(0o644)
    os.chown(file, 12345, 12345)

    private_files.tighten(file)
    private_files.tighten(file)

    assert mode_of(file) == 0o644
    assert caplog.text.count("(mode 644, of user 12345)") == 1


WRITERS = {
    "make_new": private_files.make_new,
    "open_private": lambda path: private_files.open_private(path, os.O_WRONLY),
    "write_new": lambda path: private_files.write_new(path, b"x"),
    "write_for_all": lambda path: private_files.write_for_all(path, b"x"),
    "make_folder": private_files.make_folder,
}


@pytest.mark.parametrize("leads_to", ["file", "folder", "nowhere"])
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_nothing_is_written_through_a_link(tmp_path, write, leads_to):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / leads_to)

    with pytest.raises(OSError, match=r"link|exists"):
        write(link)

    assert ((tmp_path / "file").read_text(), os.listdir(tmp_path / "folder")) == ("kept", [])
    assert not (tmp_path / "nowhere").exists()


def test_a_link_is_replaced_and_what_it_names_stays(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "file")

    private_files.replace(tmp_path / "link", b"new")

    assert ((tmp_path / "file").read_text(), (tmp_path / "link").read_text()) == ("kept", "new")
    assert not (tmp_path / "link").is_symlink()


def test_a_database_is_tightened_with_what_lies_beside_it(tmp_path):
    before = os.umask(0)
    try:
        other = sqlite3.connect(tmp_path / "gw.db")
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("CREATE TABLE t (x)")
        assert mode_of(tmp_path / "gw.db-wal") & 0o077
        engine = open_engine(f"sqlite:///{tmp_path}/gw.db")
        engine.connect().close()
    finally:
        os.umask(before)

    assert {mode_of(tmp_path / f"gw.db{one}") for one in ("", "-wal", "-shm")} == {0o600}
    engine.dispose()
    other.close()


def test_a_database_that_is_a_link_is_not_opened(tmp_path):
    with closing(sqlite3.connect(tmp_path / "elsewhere.db")):
        pass
    (tmp_path / "gw.db").symlink_to(tmp_path / "elsewhere.db")

    with pytest.raises(OperationalError, match="it is a link, and nothing is written through links"):
        open_engine(f"sqlite:///{tmp_path}/gw.db").connect()


def test_a_key_file_may_be_read_through_a_link_and_is_made_through_none(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/gw.db")
    link = tmp_path / "gw.db.encryption-key"
    link.symlink_to(tmp_path / "mounted")

    with pytest.raises(EncryptionError, match="cannot be made"):
        open_vault(None, engine)
    assert not (tmp_path / "mounted").exists()

    (tmp_path / "mounted").write_text(open_vault_of_its_own(tmp_path))
    assert open_vault(None, engine).seal({"a": "b"})


def open_vault_of_its_own(directory):
    open_vault(None, open_engine(f"sqlite:///{directory}/other.db"))
    return (directory / "other.db.encryption-key").read_text()


def test_a_link_among_the_folders_of_workers_is_nobodys(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool" / "link").parent.mkdir()
    (tmp_path / "spool" / "link").symlink_to(tmp_path / "elsewhere")

    assert abandoned(tmp_path / "spool") == []
    claim(tmp_path / "spool").release()
    assert os.listdir(tmp_path / "elsewhere") == []


def test_keys_are_written_into_no_link(tmp_path):
    (tmp_path / "file.yaml").write_text("version: 1\nproviders: {sim: {type: simulator}}\n")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "file.yaml")

    done = launcher.run(
        ["keys", "mint", "dev", "--environment", "test", "--write", "link.yaml"],
        env=dict(os.environ),
        directory=tmp_path,
    )

    assert (done.returncode, "link.yaml cannot be written: it is a link" in done.stderr) == (1, True)
    assert "dev" not in (tmp_path / "file.yaml").read_text()
