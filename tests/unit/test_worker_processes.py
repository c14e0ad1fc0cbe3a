"""The main process and its workers: telling them to end, and noticing that they have."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

from gateway.listening import WaitedFor
from gateway.server.process import _Replacements, _Served

SERVER = """
import os, signal, threading, time
from gateway import listening

class Server:
    bind_addr, bind_port = "127.0.0.1", 0

    def on_startup(self, hook):
        self.started = hook

    def serve(self, **_):
"""

FORKS = """
        # As Granian's main process does; whoever is told by this does not end.
        signal.signal(signal.SIGUSR2, lambda *_: None)
        worker = os.fork()
        if worker == 0:
            time.sleep(10)
            os._exit(0)
        os.kill(worker, signal.SIGUSR2)
        _, status = os.waitpid(worker, 0)
        raise SystemExit(os.waitstatus_to_exitcode(status) == -signal.SIGUSR2)

# On a busy machine it takes the child a while to come so far.
os.register_at_fork(after_in_child=lambda: time.sleep(0.3))
print(listening.serve(Server(), lambda: None))
"""

BLOCKS = """
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
        worker = os.fork()
        if worker == 0:
            time.sleep(10)
            os._exit(0)
        os.kill(worker, signal.SIGUSR2)
        _, status = os.waitpid(worker, 0)
        told = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: told.set())
        self.started()
        os.kill(os.getpid(), signal.SIGTERM)
        told.wait()
        raise SystemExit(os.waitstatus_to_exitcode(status) == -signal.SIGUSR2)

signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
print(listening.serve(Server(), lambda: None))
"""

WAITS = """
        told = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: told.set())
        for _ in range(20):
            threading.Thread(target=threading.Event().wait, daemon=True).start()
        self.started()
        signal.alarm(30)
        while True:
            print("waits", flush=True)
            told.wait()
            told.clear()

listening.serve(Server(), lambda: None)
"""


def test_a_worker_that_is_told_to_end_before_it_can_listen_ends():
    done = subprocess.run(
        [sys.executable, "-c", SERVER + FORKS], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_who_starts_a_gateway_with_signals_blocked_can_end_it_still():
    done = subprocess.run(
        [sys.executable, "-c", SERVER + BLOCKS], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_main_process_of_many_threads_hears_what_it_is_told_while_it_is_suspended():
    with subprocess.Popen([sys.executable, "-c", SERVER + WAITS], stdout=subprocess.PIPE, text=True) as process:
        for _ in range(20):
            assert process.stdout.readline() == "waits\n"
            # When it goes on, the kernel hands the signal to the first of its threads that runs.
            for signum in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
                process.send_signal(signum)
        assert process.stdout.readline() == "waits\n"
        process.kill()


def test_a_process_that_two_threads_wait_for_has_ended_for_both(monkeypatch):
    tell, told = os.waitpid, threading.Event()

    def tell_slowly(pid, options):
        answer = tell(pid, options)
        told.set()
        time.sleep(0.5)
        return answer

    monkeypatch.setattr(os, "waitpid", tell_slowly)
    process = WaitedFor(multiprocessing.get_context("spawn").Process(target=int))
    process.start()
    first = threading.Thread(target=process.join)
    first.start()
    told.wait(30)

    process.join(30)

    assert not process.is_alive()
    first.join()


def test_a_worker_that_served_or_was_killed_is_replaced_however_soon_and_one_that_cannot_start_is_not():
    served = _Served(3)
    replaced = _Replacements(served, was_killed=lambda place: place == 2)
    served.count(0)
    for place in (0, 1, 2):
        replaced[place] = 100.0

    served.count(1)

    assert [replaced.get(place, 0) for place in (0, 1, 2)] == [100.0, 0, 0]
    assert served.total() == 2


def test_who_tells_a_server_to_end_once_more_while_python_ends_changes_no_exit_code():
    script = """
import os, signal
from types import SimpleNamespace
from gateway.listening import serve
server = SimpleNamespace(bind_addr="127.0.0.1", bind_port=0, on_startup=lambda _: None, serve=lambda **_: None)
assert serve(server, None) == 0
for signum in (signal.SIGINT, signal.SIGTERM):
    os.kill(os.getpid(), signum)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stderr) == (0, "")
