"""Ids are unique, wherever they are made, and in order."""

import os

from gateway import ids


def in_a_fork(make):
    """What a child process makes."""
    reads, writes = os.pipe()
    if os.fork() == 0:
        os.write(writes, "\n".join(make()).encode())
        os._exit(0)
    os.close(writes)
    with open(reads) as made:
        text = made.read()
    os.wait()
    return text.split()


def test_forks_make_ids_of_their_own(monkeypatch):
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_800_000_000_000_000_000)
    before = ids.ulid()

    made = [before, *(one for _ in range(3) for one in in_a_fork(lambda: [ids.ulid() for _ in range(500)])), ids.ulid()]

    assert len(set(made)) == 1502


def test_ids_of_one_process_are_in_order_and_of_one_length():
    made = [ids.ulid() for _ in range(100_000)]

    assert made == sorted(set(made))
    assert {len(one) for one in made} == {26}


def test_ids_stay_unique_when_the_clock_goes_back_and_when_a_period_has_no_more(monkeypatch):
    now = 1_800_000_000_000_000_000
    monkeypatch.setattr(ids, "_COUNTED_BITS", 10)
    monkeypatch.setattr(ids.time, "time_ns", lambda: now)

    made = [ids.ulid() for _ in range(3000)]
    now -= 3_000_000_000
    made += [ids.ulid() for _ in range(3000)]

    assert len(set(made)) == 6000


def test_no_trace_id_is_all_zero(monkeypatch):
    class Zero:
        def getrandbits(self, _bits):
            return 0

    monkeypatch.setattr(ids, "_unique", Zero())

    assert (ids.trace_id(), ids.span_id()) == (f"{1:032x}", f"{1:016x}")
