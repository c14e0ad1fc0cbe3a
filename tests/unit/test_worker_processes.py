"""The main process and its workers: telling them to end, and noticing that they have."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

from gateway.listening import WaitedFor

FORKS = """
import os, signal, time
from gateway import listening

class Server:
    bind_addr, bind_port = "127.0.0.1", 0

    def serve(self, **_):
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
import os, signal
from gateway import listening

class Server:
    bind_addr, bind_port = "127.0.0.1", 0

    def serve(self, **_):
        blocked = {signal.SIGINT, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        child = os.fork()
        unchanged = signal.pthread_sigmask(signal.SIG_BLOCK, ()) == blocked
        if child == 0:
            os._exit(unchanged)
        _, status = os.waitpid(child, 0)
        raise SystemExit(unchanged and os.waitstatus_to_exitcode(status) == 1)

print(listening.serve(Server(), lambda: None))
"""


def test_a_worker_that_is_told_to_end_before_it_can_listen_ends():
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=30, check=False)

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_fork_leaves_blocked_what_was_blocked_before():
    done = subprocess.run([sys.executable, "-c", BLOCKS], capture_output=True, text=True, timeout=30, check=False)

    assert (done.stdout, done.stderr) == ("True\n", "")


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


def test_who_tells_a_server_to_end_once_more_while_python_ends_changes_no_exit_code():
    script = """
import os, signal
from types import SimpleNamespace
from gateway.listening import serve
server = SimpleNamespace(bind_addr="127.0.0.1", bind_port=0, serve=lambda **_: None)
assert serve(server, None) == 0
for signum in (signal.SIGINT, signal.SIGTERM):
    os.kill(os.getpid(), signum)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stderr) == (0, "")
