"""Lines that a thread writes."""

import os
import queue
import signal
from pathlib import Path

import pytest

from gateway.telemetry.line_writer import LineWriter

LINE = b"x" * 99 + b"\n"
PATIENCE_S = 20


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    for end in (read, write):
        try:
            os.close(end)
        except OSError:
            continue


def read_lines(read: int, count: int) -> list[bytes]:
    with os.fdopen(os.dup(read), "rb") as file:
        return [file.readline() for _ in range(count)]


def test_the_thread_that_writes_takes_no_signal_from_the_one_that_waits_for_it(pipe):
    lines = LineWriter(pipe[1], most_bytes=100)
    lines.write(LINE)
    lines.flush(PATIENCE_S)

    status = Path(f"/proc/self/task/{lines._writing.native_id}/status").read_text()
    blocked = int(next(line for line in status.splitlines() if line.startswith("SigBlk")).split()[1], 16)
    assert blocked & 1 << (signal.SIGTERM - 1)
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_lines_arrive_in_their_order(pipe):
    read, write = pipe
    lines = LineWriter(write, most_bytes=10_000, gather_s=0.01)

    for number in range(50):
        lines.write(b"%d\n" % number)

    assert read_lines(read, 50) == [b"%d\n" % number for number in range(50)]
    lines.flush(PATIENCE_S)
    assert lines.dropped == 0


@pytest.mark.parametrize("blocking", [True, False])
def test_what_nobody_reads_is_dropped_counted_and_told_once_it_is_read_again(pipe, blocking):
    read, write = pipe
    os.set_blocking(write, blocking)
    told: queue.Queue[int] = queue.Queue()
    lines = LineWriter(write, most_bytes=1_000, on_recovery=told.put)
    for _ in range(2_000):
        lines.write(LINE)
    lines.flush(0.01)
    lost = lines.dropped

    kept = read_lines(read, 2_000 - lost)

    assert set(kept) == {LINE}
    assert 1_000 < lost < 2_000
    heard = 0
    while heard < lost:  # some may have been lost before the pipe was full
        heard += told.get(timeout=PATIENCE_S)
    assert (heard, lines.dropped) == (lost, lost)


def test_who_flushes_what_nobody_reads_goes_on(pipe):
    _, write = pipe
    lines = LineWriter(write, most_bytes=1_000_000)
    for _ in range(2_000):
        lines.write(LINE)

    lines.flush(0.01)

    assert lines.dropped == 0


def test_a_reader_that_has_gone_costs_only_the_lines(pipe):
    read, write = pipe
    os.close(read)
    lines = LineWriter(write, most_bytes=1_000)

    lines.write(LINE + LINE)
    lines.flush(PATIENCE_S)

    assert lines.dropped == 2


def test_lines_for_a_closed_descriptor_are_counted():
    lines = LineWriter(None, most_bytes=1_000)

    lines.write(LINE)

    assert lines.dropped == 1


def test_a_forked_process_has_lines_of_its_own(pipe):
    read, write = pipe
    lines = LineWriter(write, most_bytes=1_000)
    lines.write(b"parent\n")
    lines.flush(PATIENCE_S)
    child = os.fork()
    if child == 0:
        lines.begin_anew()
        lines.write(b"child\n")
        lines.flush(PATIENCE_S)
        os._exit(0)

    assert os.waitpid(child, 0)[1] == 0
    assert read_lines(read, 2) == [b"parent\n", b"child\n"]
