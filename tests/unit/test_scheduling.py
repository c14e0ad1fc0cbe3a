"""How the threads of a worker are scheduled."""

import os

import pytest

from gateway.server.wiring import _work_in_batches

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux schedules threads so")


@pytest.mark.parametrize(("policy", "becomes"), [("SCHED_OTHER", "SCHED_BATCH"), ("SCHED_IDLE", "SCHED_IDLE")])
def test_the_usual_policy_makes_way_and_one_that_somebody_chose_stays(policy, becomes):
    child = os.fork()
    if child == 0:
        os.sched_setscheduler(0, getattr(os, policy), os.sched_param(0))
        _work_in_batches()
        os._exit(os.sched_getscheduler(0))

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == getattr(os, becomes)
