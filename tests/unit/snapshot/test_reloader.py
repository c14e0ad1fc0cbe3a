import asyncio
import os
import threading
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from gateway.snapshot import watch
from gateway.snapshot.holder import Holder, Rejection
from gateway.snapshot.reload import Reloader


class Files:
    """A configuration that is the text of its files; `bad` is refused and `crash` is a defect."""

    def __init__(self, *paths):
        self.paths = paths
        self.loads = 0
        self.running = 0
        self.most_running = 0
        self.delay = 0.0
        self.outcomes = []
        self.holder = Holder(self.load())

    def load(self):
        self.loads += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            time.sleep(self.delay)
            text = "".join(path.read_text() for path in self.paths if path.is_file())
            if "crash" in text:
                raise LookupError("defect")
            if "bad" in text:
                return Rejection((text,), 0.0)
            return SimpleNamespace(revision=text, revision_label=text)
        finally:
            self.running -= 1

    @property
    def serves(self):
        return self.holder.current.revision

    def reloader(self):
        return Reloader(
            load=self.load,
            holder=self.holder,
            watch_paths=lambda: self.paths,
            on_outcome=lambda outcome, _: self.outcomes.append(outcome),
        )

    @asynccontextmanager
    async def watched(self):
        reloader = self.reloader()
        reloader.start()
        await asyncio.sleep(0.05)
        try:
            yield reloader
        finally:
            await reloader.close()


async def until(condition, within=30.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def replace(path, text):
    other = path.with_name(path.name + "~")
    other.write_text(text)
    other.replace(path)


def write_and_set_the_time_back(path, text):
    times = path.stat()
    path.write_text(text)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


WRITES = {
    "in place": lambda path, text: path.write_text(text),
    "renamed over": replace,
    "removed and made anew": lambda path, text: (path.unlink(), path.write_text(text)),
    "of the same size and time": write_and_set_the_time_back,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_changes_over_and_over_are_live(tmp_path, write):
    file = tmp_path / "gateway.yaml"
    file.write_text("0")

    async def run():
        files = Files(file)
        async with files.watched():
            for text in "123":
                write(file, text)
                await until(lambda text=text: files.serves == text)

    asyncio.run(run())


def test_a_change_is_live_within_a_second(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("0")

    async def run():
        files = Files(file)
        async with files.watched():
            await asyncio.sleep(0.2)
            started = time.monotonic()
            file.write_text("1")
            await until(lambda: files.serves == "1")
            assert time.monotonic() - started < 1

    asyncio.run(run())


def swap(volume, number):
    (volume / f"..{number}").mkdir()
    (volume / f"..{number}" / "gateway.yaml").write_text(str(number))
    (volume / "..tmp").symlink_to(f"..{number}")
    (volume / "..tmp").replace(volume / "..data")


def test_config_map_swaps_are_live(tmp_path):
    swap(tmp_path, 0)
    (tmp_path / "gateway.yaml").symlink_to("..data/gateway.yaml")

    async def run():
        files = Files(tmp_path / "gateway.yaml")
        async with files.watched():
            for number in (1, 2, 3):
                swap(tmp_path, number)
                await until(lambda number=number: files.serves == str(number))

    asyncio.run(run())


def test_a_swap_of_a_directory_further_up_is_live(tmp_path):
    for release in ("1", "2"):
        (tmp_path / release).mkdir()
        (tmp_path / release / "gateway.yaml").write_text(release)
    (tmp_path / "current").symlink_to("1")

    async def run():
        files = Files(tmp_path / "current" / "gateway.yaml")
        async with files.watched():
            (tmp_path / "new").symlink_to("2")
            (tmp_path / "new").replace(tmp_path / "current")
            await until(lambda: files.serves == "2")

    asyncio.run(run())


def test_a_file_and_its_directory_may_come_later(tmp_path):
    first, later = tmp_path / "gateway.yaml", tmp_path / "run" / "secrets" / "key"
    first.write_text("a")

    async def run():
        files = Files(first, later)
        async with files.watched():
            later.parent.mkdir(parents=True)
            later.write_text("b")
            await until(lambda: files.serves == "ab")
            later.write_text("c")
            await until(lambda: files.serves == "ac")
            later.unlink()
            await until(lambda: files.serves == "a")

    asyncio.run(run())


def test_files_in_a_directory_are_watched(tmp_path):
    class Directory(Files):
        def load(self):
            names = sorted(tmp_path.glob("*.yaml"))
            self.loads += 1
            text = "".join(name.read_text() for name in names)
            return SimpleNamespace(revision=text, revision_label=text)

    async def run():
        files = Directory(tmp_path)
        async with files.watched():
            (tmp_path / "a.yaml").write_text("a")
            await until(lambda: files.serves == "a")
            (tmp_path / "b.yaml").write_text("b")
            await until(lambda: files.serves == "ab")
            (tmp_path / "a.yaml").write_text("x")
            await until(lambda: files.serves == "xb")
            (tmp_path / "b.yaml").unlink()
            await until(lambda: files.serves == "x")

    asyncio.run(run())


def test_a_newly_referenced_file_is_watched(tmp_path):
    (tmp_path / "there").mkdir()
    file, referenced = tmp_path / "gateway.yaml", tmp_path / "there" / "key"
    file.write_text("a")
    referenced.write_text("k")

    async def run():
        files = Files(file)
        async with files.watched():
            files.paths = (file, referenced)
            file.write_text("b")
            await until(lambda: files.serves == "bk")
            referenced.write_text("l")
            await until(lambda: files.serves == "bl")

    asyncio.run(run())


def test_an_invalid_file_keeps_the_old_one_until_it_is_mended(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("good")

    async def run():
        files = Files(file)
        async with files.watched():
            file.write_text("bad")
            await until(lambda: files.holder.rejection is not None)
            assert files.serves == "good"
            assert files.holder.rejection.diagnostics == ("bad",)

            file.write_text("crash")
            await until(lambda: "failed" in files.outcomes)
            assert files.serves == "good"
            assert files.holder.rejection.diagnostics == ("internal error: LookupError",)

            file.write_text("good")
            await until(lambda: files.holder.rejection is None)
            assert files.outcomes[-1] == "unchanged"

            file.write_text("better")
            await until(lambda: files.serves == "better")
            assert files.outcomes[-1] == "swapped"

    asyncio.run(run())


def test_a_burst_is_few_loads_and_ends_with_the_last(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("-")

    async def run():
        files = Files(file)
        files.delay = 0.02
        async with files.watched():
            for number in range(200):
                file.write_text(str(number))
                await asyncio.sleep(0.001)
            await until(lambda: files.serves == "199")
        assert files.loads < 40
        assert files.most_running == 1

    asyncio.run(run())


def test_a_change_while_loading_is_not_lost(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("0")

    async def run():
        files = Files(file)
        files.delay = 0.3
        async with files.watched():
            file.write_text("1")
            await until(lambda: files.running)
            await asyncio.sleep(0.1)
            file.write_text("2")
            await until(lambda: files.serves == "2")

    asyncio.run(run())


def test_asking_loads_whatever_the_files_say(tmp_path):
    async def run():
        files = Files(tmp_path / "gateway.yaml")
        async with files.watched() as reloader:
            for number in (1, 2):
                reloader.request()
                await until(lambda number=number: files.outcomes == ["unchanged"] * number)

    asyncio.run(run())


def test_a_quiet_file_is_not_loaded(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("0")

    async def run():
        files = Files(file)
        async with files.watched():
            (tmp_path / "beside.log").write_text("noise")
            await asyncio.sleep(0.8)
        assert files.loads == 1

    asyncio.run(run())


def test_what_is_written_beside_a_configuration_is_no_change(tmp_path):
    (tmp_path / "data").mkdir()
    file = tmp_path / "gateway.yaml"
    file.write_text("a")
    before = watch.look_at([tmp_path, file, tmp_path / "data"]).stamp

    (tmp_path / "log.txt").write_text("a line\n")
    (tmp_path / "data" / "ledger.db-journal").write_text("")
    (tmp_path / ".gateway.yaml.swp").write_text("")
    beside = watch.look_at([tmp_path, file, tmp_path / "data"]).stamp
    (tmp_path / "data" / "further.yaml").write_text("b")
    further = watch.look_at([tmp_path, file, tmp_path / "data"]).stamp
    (tmp_path / "folder").mkdir()

    assert beside == before
    assert further != before
    assert watch.look_at([tmp_path, file, tmp_path / "data"]).stamp != further


def test_without_events_changes_are_seen_all_the_same(tmp_path, monkeypatch, caplog):
    def refuse(*_, **__):
        raise OSError("no inotify instances left")

    monkeypatch.setattr(watch, "awatch", refuse)
    file = tmp_path / "gateway.yaml"
    file.write_text("0")

    async def run():
        files = Files(file)
        async with files.watched():
            file.write_text("1")
            await until(lambda: files.serves == "1")

    asyncio.run(run())
    assert caplog.text.count("no inotify instances left") == 1


def test_watching_survives_a_defect(tmp_path, caplog):
    file = tmp_path / "gateway.yaml"
    file.write_text("0")

    async def run():
        files = Files(file)
        reloader = files.reloader()
        reloader.start()
        paths, files.paths = files.paths, None
        await until(lambda: "watching the configuration failed" in caplog.text)
        files.paths = paths
        file.write_text("1")
        await until(lambda: files.serves == "1")
        await reloader.close()

    asyncio.run(run())


def test_closing_leaves_nothing_behind(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("0")

    async def run():
        files = Files(file)

        async def rounds(count):
            for _ in range(count):
                async with files.watched() as reloader:
                    reloader.request()

        def left():
            return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())

        # The first round makes what the process keeps for good, such as the pool that runs the loads.
        await rounds(1)
        (descriptors, tasks), threads = left(), threading.active_count()
        await rounds(25)
        # The watcher's own thread closes its descriptors a moment after it was told to; 25 leaks would be plenty.
        await until(lambda: left()[0] < descriptors + 10 and left()[1] == tasks)
        # What stays is the pool that ran the loads, which the loop ends.
        assert threading.active_count() <= threads + 8

    asyncio.run(run())


def test_closing_waits_for_the_load_that_runs(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("0")

    async def run():
        files = Files(file)
        files.delay = 0.2
        async with files.watched() as reloader:
            reloader.request()
            await until(lambda: files.running)
        assert files.running == 0
        assert files.outcomes == ["unchanged"]

    asyncio.run(run())


def test_closing_what_never_started_does_nothing(tmp_path):
    async def run():
        await Files(tmp_path / "gateway.yaml").reloader().close()

    asyncio.run(run())


def test_a_circle_of_symlinks_can_be_looked_at(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    look = watch.look_at([tmp_path / "a" / "gateway.yaml"])

    assert look.stamp == ((tmp_path / "a" / "gateway.yaml",),)
