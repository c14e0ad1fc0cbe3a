"""The spool of one worker, and those of workers that died."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.backlog import Segment
from gateway.ledger.pace import FAST
from gateway.ledger.segment import frame, scan
from gateway.ledger.spool import Spool
from gateway.ledger.worker_directory import abandoned, claim
from tests.unit.ledger.ledger_entries import payload

MIB = 1024 * 1024

DIE = """
import json, os, sys
from pathlib import Path
from gateway.ledger.spool import Spool
from tests.unit.ledger.ledger_entries import payload
for line in sys.stdin:  # each line is a worker that appends and is killed
    root, name, entries = json.loads(line)
    if (pid := os.fork()) == 0:
        spool = Spool(Path(root), max_bytes=2**30, segment_bytes=2000)
        for number in range(entries):
            spool.append(payload(f"{name}_{number}"))
        os.kill(os.getpid(), 9)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def die_with_entries():
    """A worker that appends and is killed; each is forked by one process that has imported what they need."""
    with subprocess.Popen(
        [sys.executable, "-c", DIE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as fork:

        def die(root: Path, name: str, entries: int) -> None:
            print(json.dumps([str(root), name, entries]), file=fork.stdin, flush=True)
            assert fork.stdout.readline() == "9\n"

        yield die
        fork.stdin.close()


def drain(spool: Spool) -> list[str]:
    """Ships everything to nowhere and returns the ids."""
    ids = []
    while (batch := spool.backlog.next_batch(FAST)) is not None:
        ids += [one.request_id for one in batch.entries]
        spool.backlog.ship(batch)
    return ids


@pytest.fixture
def spools(tmp_path: Path):
    opened = []

    def make(**members) -> Spool:
        opened.append(Spool(tmp_path / "spool", **{"max_bytes": MIB, **members}))
        return opened[-1]

    yield make
    for spool in opened:
        spool.close()


@given(st.lists(st.binary(max_size=50).filter(lambda payload: b"\xff" not in payload)), st.integers(0, 60))
def test_a_record_that_is_cut_off_costs_only_itself(payloads, cut):
    data = b"".join(frame(payload) for payload in payloads)
    kept = data[: max(len(data) - cut, 0)]

    found = scan(kept, complete=True)

    whole, size = 0, 0
    while whole < len(payloads) and size + len(frame(payloads[whole])) <= len(kept):
        size += len(frame(payloads[whole]))
        whole += 1
    assert found.payloads == tuple(payloads[:whole])
    assert found.consumed == len(kept)
    assert bool(found.damaged) == (size < len(kept))
    assert scan(kept, complete=False).consumed == size


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_record_costs_only_itself(place, value):
    payloads = [f'{{"number": {number}}}'.encode() for number in range(20)]
    data = bytearray(b"".join(frame(payload) for payload in payloads))
    place %= len(data)
    if data[place] == value:
        value ^= 1
    data[place] = value

    found = scan(bytes(data), complete=True)

    assert len(found.payloads) == 19
    assert [one.records for one in found.damaged] == [1]
    assert set(found.payloads) < set(payloads)


def test_entries_come_out_in_order_over_segments_and_leave_no_file(spools, tmp_path):
    spool = spools(segment_bytes=3000)
    ids = [f"grq_{number}" for number in range(50)]

    assert all(spool.append(payload(one)) for one in ids)
    assert spool.depth == 50
    assert spool.waiting_bytes > 0
    assert len(list((tmp_path / "spool").rglob("*.seg"))) > 5

    assert drain(spool) == ids
    assert (spool.depth, spool.waiting_bytes) == (0, 0)
    assert spool.backlog.oldest_s == 0
    assert len(list((tmp_path / "spool").rglob("*.seg"))) == 1


def test_a_batch_stays_until_it_is_shipped(spools):
    spool = spools()
    spool.append(payload("grq_1"))

    first = spool.backlog.next_batch(FAST)
    spool.append(payload("grq_2"))
    again = spool.backlog.next_batch(FAST)

    assert [one.request_id for one in first.entries] == ["grq_1"]
    assert [one.request_id for one in again.entries] == ["grq_1", "grq_2"]
    spool.backlog.ship(first)
    assert drain(spool) == ["grq_2"]


def test_a_batch_is_about_as_large_as_asked_for(spools):
    spool = spools()
    for number in range(10):
        spool.append(payload(f"grq_{number}"))

    one = spool.backlog.next_batch(FAST, most_bytes=10)
    assert len(one.entries) == 10  # a record longer than asked for: the rest of the file
    some = spool.backlog.next_batch(FAST, most_bytes=3000)
    assert 1 <= len(some.entries) < 10


def test_an_entry_of_any_size_and_text_is_taken(spools):
    spool = spools()

    assert spool.append(payload("grq_1", model_asked="x" * 5 * MIB))
    assert spool.append(payload("grq_2", model_asked="\ud800"))

    assert spool.waiting_bytes < 5000
    assert drain(spool) == ["grq_1", "grq_2"]


def test_a_full_spool_that_refuses_still_takes_what_is_under_way(spools):
    spool = spools(max_bytes=2000)
    while not spool.refuses:
        assert spool.append(payload("grq_before"))

    assert spool.is_full
    assert spool.append(payload("grq_under_way"))

    assert "grq_under_way" in drain(spool)
    assert not spool.refuses
    assert spool.dropped == 0


def test_a_full_spool_that_drops_counts_and_refuses_nobody(spools):
    spool = spools(max_bytes=2000, on_full="drop")
    while not spool.is_full:
        assert spool.append(payload("grq_before"))

    assert not spool.append(payload("grq_lost"))

    assert not spool.refuses
    assert spool.dropped == 1
    assert "grq_lost" not in drain(spool)
    assert spool.append(payload("grq_after"))


@pytest.mark.parametrize("written", [None, 0, 17])
def test_a_full_disk_is_a_full_spool_until_there_is_room(spools, monkeypatch, written):
    spool = spools()
    spool.append(payload("grq_1"))

    def no_room(descriptor, data, write=os.write):
        if written is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:written])

    with monkeypatch.context() as full:
        full.setattr(os, "write", no_room)
        assert not spool.append(payload("grq_2"))
        assert not spool.append(payload("grq_3"))
        assert spool.refuses
        assert spool.depth == 3
        assert spool.disk_error

    spool.retry()

    assert not spool.refuses
    assert spool.disk_error is None
    assert spool.append(payload("grq_4"))
    assert drain(spool) == ["grq_1", "grq_2", "grq_3", "grq_4"]
    assert spool.dropped == 0


def test_a_full_disk_drops_where_that_is_the_policy(spools, monkeypatch):
    spool = spools(on_full="drop")

    with monkeypatch.context() as full:
        full.setattr(os, "open", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
        assert not spool.append(payload("grq_1"))
        assert spool.is_full
        assert not spool.refuses

    assert spool.append(payload("grq_2"))
    assert (spool.dropped, spool.depth) == (1, 1)


def test_a_record_that_cannot_be_taken_back_is_the_torn_end_of_its_file(spools, monkeypatch):
    spool = spools()
    spool.append(payload("grq_1"))

    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, data, write=os.write: write(descriptor, data[:5]))
        full.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        spool.append(payload("grq_2"))

    spool.retry()
    assert drain(spool) == ["grq_1", "grq_2"]


def test_a_closed_spool_leaves_what_waits_and_nothing_else(tmp_path):
    root = tmp_path / "spool"
    full, empty = Spool(root, max_bytes=MIB), Spool(root, max_bytes=MIB)
    full.append(payload("grq_1"))
    empty.append(payload("grq_2"))
    drain(empty)

    full.close()
    empty.close()

    assert len(list(root.iterdir())) == 1
    heir = Spool(root, max_bytes=MIB)
    assert heir.backlog.adopt() == 1
    assert drain(heir) == ["grq_1"]
    heir.close()
    assert list(root.iterdir()) == []


def test_the_segments_of_a_killed_worker_are_adopted_first_and_removed(spools, tmp_path, die_with_entries):
    root = tmp_path / "spool"
    die_with_entries(root, "dead", 20)
    spool = spools()
    spool.append(payload("mine"))

    assert spool.backlog.adopt() == 20
    assert spool.depth == 21

    assert drain(spool) == [*(f"dead_{number}" for number in range(20)), "mine"]
    assert spool.depth == 0
    assert len(list(root.iterdir())) == 1


def test_a_living_worker_is_not_adopted(spools):
    living, other = spools(), spools()
    living.append(payload("grq_1"))

    assert other.backlog.adopt() == 0
    assert drain(other) == []
    assert drain(living) == ["grq_1"]


@pytest.mark.parametrize("end", [frame(b'{"request_id": "half"')[:-4], b"\0" * 4096, b"\xff", b"\xff\x4c\xff\xff"])
def test_a_torn_record_at_the_end_of_a_dead_workers_file_is_skipped(spools, tmp_path, end, die_with_entries):
    root = tmp_path / "spool"
    die_with_entries(root, "dead", 5)
    last = max(root.rglob("*.seg"))
    with last.open("ab") as file:
        file.write(end)

    spool = spools()

    assert spool.backlog.adopt() == 6
    assert drain(spool) == [f"dead_{number}" for number in range(5)]
    assert spool.dropped == 1
    assert (spool.depth, spool.waiting_bytes) == (0, 0)


def test_adopted_entries_count_towards_the_bound(spools, tmp_path, die_with_entries):
    die_with_entries(tmp_path / "spool", "dead", 50)
    spool = spools(max_bytes=10_000)

    spool.backlog.adopt()

    assert spool.refuses


def test_what_is_damaged_is_counted_and_told_once_with_its_place(spools, tmp_path, caplog, die_with_entries):
    die_with_entries(tmp_path / "spool", "dead", 5)
    file = next((tmp_path / "spool").rglob("00000001.seg"))
    file.write_bytes(file.read_bytes().replace(b"dead_0", b"xxxxxx"))
    spool = spools()
    spool.backlog.adopt()

    for _ in range(2):
        spool.backlog.next_batch(FAST)

    assert drain(spool) == [f"dead_{number}" for number in range(1, 5)]
    assert (spool.dropped, spool.depth, spool.waiting_bytes) == (1, 0, 0)
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said.startswith(f"1 ledger entries of the spool file {file} are lost: it is damaged from byte 0 to ")


@pytest.mark.parametrize("how", ["directory", "root", "file"])
def test_what_somebody_deletes_is_made_again_and_nothing_is_lost(spools, tmp_path, how, caplog):
    spool = spools()
    spool.append(payload("grq_1"))
    (file,) = (tmp_path / "spool").rglob("*.seg")
    if how == "file":
        file.unlink()
    else:
        shutil.rmtree(file.parent if how == "directory" else tmp_path / "spool")

    spool.append(payload("grq_2"))
    shipped = drain(spool)
    spool.append(payload("grq_3"))

    assert shipped + drain(spool) == ["grq_1", "grq_2", "grq_3"]
    assert (spool.depth, spool.waiting_bytes, spool.dropped, spool.disk_error) == (0, 0, 0, None)
    assert len(list((tmp_path / "spool").rglob("*.seg"))) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"somebody deleted the ledger's spool file {file}; what it holds is still written"
    ]


def test_a_directory_that_is_deleted_before_anything_was_written_is_made_again(spools, tmp_path):
    spool = spools()
    shutil.rmtree(tmp_path / "spool")

    assert spool.append(payload("grq_1"))

    assert drain(spool) == ["grq_1"]


def test_what_somebody_cut_off_is_counted_and_what_comes_is_kept(spools, tmp_path, caplog):
    spool = spools()
    for number in range(3):
        spool.append(payload(f"grq_{number}"))
    (file,) = (tmp_path / "spool").rglob("*.seg")
    os.truncate(file, 0)

    assert drain(spool) == []
    spool.append(payload("grq_after"))

    assert drain(spool) == ["grq_after"]
    assert (spool.dropped, spool.depth, spool.waiting_bytes) == (3, 0, 0)
    assert f"3 ledger entries of the spool file {file} are lost: it is shorter" in caplog.text


def test_deleted_entries_that_go_with_the_process_are_counted(tmp_path, caplog):
    spool = Spool(tmp_path / "spool", max_bytes=MIB)
    spool.append(payload("grq_1"))
    shutil.rmtree(tmp_path / "spool")
    spool.backlog.next_batch(FAST)

    spool.close()

    assert spool.dropped == 1
    assert "are lost: somebody deleted it" in caplog.text


@pytest.mark.looks_inside
@pytest.mark.parametrize("shipped", [False, True], ids=["looking", "shipping"])
def test_an_entry_that_is_written_while_the_file_is_looked_at_stays(spools, monkeypatch, shipped):
    spool = spools(segment_bytes=1)
    spool.append(payload("grq_1"))
    batch = spool.backlog.next_batch(FAST)
    if not shipped:
        spool.backlog.ship(batch)
        assert spool.backlog.segments
    member, watched = Segment.size, [spool.backlog.segments[0]]

    def look(segment):
        size = member.__get__(segment)
        if segment in watched:
            watched.clear()
            spool._segment_bytes = MIB
            assert spool.append(payload("grq_2"))  # to the same file, whose size was asked for before
            spool._segment_bytes = 1
            assert spool.append(payload("grq_3"))  # to the next: the first is not added to any more
        return size

    monkeypatch.setattr(Segment, "size", property(look, member.__set__))
    if shipped:
        spool.backlog.ship(batch)

    assert [*drain(spool), *drain(spool)] == ["grq_2", "grq_3"]
    assert (spool.depth, spool.dropped) == (0, 0)


def test_a_disk_that_has_room_again_is_no_fault_without_traffic(spools, monkeypatch):
    spool = spools(on_full="drop")

    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "open", no_room)
        full.setattr(Path, "write_bytes", no_room)
        spool.append(payload("grq_1"))
        spool.retry()
        assert spool.disk_error

    spool.retry()

    assert spool.disk_error is None
    assert not list(spool.backlog.set_aside_path.parent.rglob("probe"))


def test_what_was_set_aside_is_counted_at_the_next_start(spools):
    spools().backlog.set_aside(b"{}")
    spool = spools()

    spool.backlog.adopt()

    assert spool.backlog.set_aside_count == 1


def test_a_record_that_is_no_entry_is_handed_out_apart(spools, tmp_path, die_with_entries):
    die_with_entries(tmp_path / "spool", "dead", 1)
    with next((tmp_path / "spool").rglob("*.seg")).open("ab") as file:
        file.write(frame(b'{"request_id": 5}'))
    spool = spools()
    spool.backlog.adopt()

    batch = spool.backlog.next_batch(FAST)

    assert len(batch.entries) == 1
    assert batch.unreadable == (b'{"request_id": 5}',)
    spool.backlog.ship(batch)
    assert spool.depth == 0


def test_each_dead_spool_has_one_heir_however_many_look(tmp_path, die_with_entries):
    root = tmp_path / "spool"
    for number in range(6):
        die_with_entries(root, f"dead{number}", 3)
    heirs = [Spool(root, max_bytes=MIB) for _ in range(4)]
    found: list[list[str]] = [[] for _ in heirs]
    together = threading.Barrier(len(heirs))

    def inherit(place: int) -> None:
        together.wait()
        for _ in range(3):
            heirs[place].backlog.adopt()
            found[place] += drain(heirs[place])

    threads = [threading.Thread(target=inherit, args=(place,)) for place in range(len(heirs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for heir in heirs:
        heir.close()

    assert sorted(one for ids in found for one in ids) == sorted(
        f"dead{one}_{two}" for one in range(6) for two in range(3)
    )
    assert list(root.iterdir()) == []


def test_a_directory_without_lock_or_segment_is_cleared_away(tmp_path):
    root = tmp_path / "spool"
    mine = claim(root)
    (root / "started-and-died").mkdir()

    for directory in abandoned(root):
        directory.release()

    assert [path.name for path in root.iterdir()] == [mine.path.name]
    mine.release()
    assert list(root.iterdir()) == []


def test_claiming_and_clearing_at_once_never_shares_a_directory(tmp_path):
    root = tmp_path / "spool"
    root.mkdir()
    done = threading.Event()
    claimed = []

    def clear() -> None:
        while not done.is_set():
            for directory in abandoned(root):
                directory.release()

    clearing = threading.Thread(target=clear)
    clearing.start()
    for _ in range(200):
        claimed.append(claim(root))
    done.set()
    clearing.join()

    assert len({directory.path for directory in claimed}) == 200
    assert all((directory.path / "lock").exists() for directory in claimed)
    for directory in claimed:
        directory.release()


def test_what_is_appended_is_synced_by_a_thread(spools, monkeypatch):
    synced = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: synced.set())
    spool = spools(sync_s=0.01)

    spool.append(payload("grq_1"))

    assert synced.wait(10)
