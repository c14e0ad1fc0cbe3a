"""Uploads on the disk of a node: whoever leaves in the middle leaves neither an open file nor less room behind."""

import asyncio
import os
import threading

import pytest

from gateway.errors import GatewayError
from gateway.server.upload_spool import UploadSpool
from gateway.wire.multipart import MultipartBody

BOUND = 1000
LINE = b'{"custom_id":"1"}'


def form(content):
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return MultipartBody(head + content + b"\r\n--B--\r\n", b"multipart/form-data; boundary=B")


async def once(piece):
    yield piece


def open_files():
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def spool(tmp_path):
    return UploadSpool(tmp_path / "uploads", BOUND)


async def cancelled_within(work, monkeypatch, function):
    """Cancels what is under way while a thread is in a function of `os`."""
    entered, may_go_on, original = threading.Event(), threading.Event(), getattr(os, function)

    def slow(*arguments):
        entered.set()
        may_go_on.wait(5)
        return original(*arguments)

    monkeypatch.setattr(os, function, slow)
    task = asyncio.ensure_future(work)
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()


def test_who_leaves_in_the_middle_leaves_nothing_behind(spool, monkeypatch):
    async def use():
        digest = await spool.keep(form(LINE), is_part=False)
        before = open_files()
        await cancelled_within(spool.open(digest), monkeypatch, "pread")
        await cancelled_within(spool.take(once(b"a"), BOUND), monkeypatch, "open")
        assert open_files() == before
        # All of the room is there.
        (await spool.take(once(b"a" * BOUND), BOUND)).close()
        opened = await spool.open(digest)
        assert os.pread(opened.descriptor, 100, 0) == LINE
        with pytest.raises(GatewayError, match="no room"):
            await spool.take(once(b"a" * BOUND), BOUND)
        opened.close()
        assert open_files() == before

    asyncio.run(use())


def test_only_what_went_up_is_opened(spool, tmp_path):
    async def use():
        digest = await spool.keep(form(LINE), is_part=False)
        kept = tmp_path / "uploads" / "kept" / digest.partition(":")[2]
        for wrong in (LINE + b"\n", LINE.replace(b"1", b"2")):
            kept.write_bytes(wrong)
            assert await spool.open(digest) is None
        kept.unlink()
        assert await spool.open(digest) is None
        # Beyond the bound the oldest go, and what goes by another worker meanwhile is no matter.
        (kept.parent / "gone").symlink_to("nowhere")
        for number in range(3):
            last = await spool.keep(form(LINE + b" " * 400 + b"%d" % number), is_part=False)
        assert await spool.open(last)
        assert len([one for one in kept.parent.iterdir() if one.is_file()]) == 2

    asyncio.run(use())
