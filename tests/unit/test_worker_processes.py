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
        signal.signal(signal.SIGTERM, lambda *_: None)
        worker = os.fork()
        if worker == 0:
            time.sleep(10)
            os._exit(0)
        os.kill(worker, signal.SIGTERM)
        _, status = os.waitpid(worker, 0)
        raise SystemExit(os.waitstatus_to_exitcode(status) == -signal.SIGTERM)

# On a busy machine it takes the child a while to come so far.
os.register_at_fork(after_in_child=lambda: time.sleep(0.3))
print(listening.serve(Server(), lambda: None))
"""


def test_a_worker_that_is_told_to_end_before_it_can_listen_ends():
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=30, check=False)

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
