"""Uploads on the disk of a node: whoever leaves in the middle leaves neither an open file nor less room behind."""

import asyncio
import os
import threading

import pytest

from gateway.errors import GatewayError
from gateway.server.upload_spool import UploadSpool
from gateway.wire.multipart import MultipartBody
from gateway.wire.spooled_form import SpooledForm

BOUND = 1000
LINE = b'{"custom_id":"1"}'


def part(content, name="file", more='; filename="a"'):
    return f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def form(content, *others, name="file"):
    data = part(content, name) + b"".join(others) + b"--B--\r\n"
    return MultipartBody(data, b"multipart/form-data; boundary=B")


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


def test_what_a_batch_is_judged_by_is_what_its_provider_reads(spool, tmp_path):
    """A file beside a field that a provider takes for the file is no input of a batch."""
    data = part(LINE + b" " * 5000, "file") + part(b"{}", "file", "") + b"--B--\r\n"
    (tmp_path / "long").write_bytes(data)
    long_form = (tmp_path / "long").open("rb")

    async def kept(body, *, is_part=False):
        return bool(await spool.keep(body, is_part=is_part))

    async def use():
        assert await kept(form(LINE, part(b"batch", "purpose", "")))
        assert await kept(form(b"", name="data"), is_part=True) is False
        assert await kept(form(LINE[3:], name="data"), is_part=True)
        for other in ("file", "File", "file[]", "file ", "%66ile", "file.name"):
            assert not await kept(form(LINE, part(b"{}", other, ""))), other
        assert not await kept(form(LINE, part(LINE)))
        assert not await kept(form(LINE, name="another"))
        assert not await kept(form(LINE, name="file"), is_part=True)
        assert not await kept(SpooledForm(long_form.fileno(), len(data), b"multipart/form-data; boundary=B", 9000))

    asyncio.run(use())
    long_form.close()
