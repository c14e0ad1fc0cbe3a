"""What Redis answers instead of doing what was asked, and what that means for counters."""

from typing import Any, Final

import hiredis

from gateway.counters.hold import CounterState
from gateway.counters.redis_address import RedisAddress

_LONGEST_MESSAGE: Final = 200

REFUSALS: Final = {
    "ASK": (CounterState.MOVING, "moves the counters to another node of the cluster"),
    "BUSY": (CounterState.BUSY, "is kept busy by a script that does not end"),
    "CLUSTERDOWN": (CounterState.CLUSTER_DOWN, "is of a cluster that does not serve the counters at present"),
    "LOADING": (CounterState.LOADING, "is loading its data"),
    "MASTERDOWN": (CounterState.READ_ONLY, "is a replica that has lost its master"),
    "MISCONF": (CounterState.READ_ONLY, "takes no writes since it cannot save its data"),
    "NOAUTH": (CounterState.DENIED, "refuses the credentials"),
    "NOPERM": (CounterState.DENIED, "does not permit its user what counting needs"),
    "NOREPLICAS": (CounterState.READ_ONLY, "takes no writes since it has too few replicas"),
    "OOM": (CounterState.OUT_OF_MEMORY, "is out of memory"),
    "READONLY": (CounterState.READ_ONLY, "is a replica, which takes no writes"),
    "TRYAGAIN": (CounterState.MOVING, "moves the counters to another node of the cluster"),
    "UNKILLABLE": (CounterState.BUSY, "is kept busy by a script that does not end"),
    "WRONGPASS": (CounterState.DENIED, "refuses the credentials"),
}
"""By the code that an error begins with (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors;
`createSharedObjects` of server.c and `clusterRedirectClient` of cluster.c), what follows and what is said of the
server. `NOSCRIPT` and `MOVED` are answered instead."""

_DENIED_IN_SCRIPT: Final = "The user executing the script can't"
_DENIED_UNREAD: Final = "Protocol error: unauthenticated"
"""Of a command with more or longer arguments than a stranger may send (`processMultibulkBuffer` of networking.c)."""


class RedisAway(Exception):  # noqa: N818 - what happened is told, who decides is the caller
    """Redis does not answer, or not as it should. The message is for the operator and holds no secret."""

    def __init__(self, said: str, state: CounterState = CounterState.UNREACHABLE) -> None:
        super().__init__(said)
        self.state = state


class RedisMoved(RedisAway):
    """The keys live on another node of the cluster, at `host` and `port`."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"the counters moved to the node at {host}:{port}", CounterState.MOVING)
        self.host = host
        self.port = port


def check(reply: Any, address: RedisAddress) -> Any:
    """The reply itself; raises `RedisAway` or `RedisMoved` where it is an error."""
    if not isinstance(reply, hiredis.ReplyError):
        return reply
    said = (str(reply).splitlines() or [""])[0]
    code, _, rest = said.partition(" ")
    if code == "MOVED":
        host, _, port = rest.split(" ")[-1].rpartition(":")
        # A node that does not know a name for the other one leaves it out: it is where this one is.
        raise RedisMoved(address.host if host in {"", "?"} else host, int(port))
    if code in REFUSALS:
        state, words = REFUSALS[code]
        raise RedisAway(f"{address} {words} ({code})", state)
    if _DENIED_IN_SCRIPT in said:
        raise RedisAway(f"{address} {REFUSALS['NOPERM'][1]} (NOPERM in a script)", CounterState.DENIED)
    if _DENIED_UNREAD in said:
        raise RedisAway(f"{address} {REFUSALS['NOAUTH'][1]} (NOAUTH)", CounterState.DENIED)
    if "AUTH" in said:
        # An unknown command is quoted with its arguments, and those of AUTH are secret.
        raise RedisAway(f"{address} refuses the credentials ({code})", CounterState.DENIED)
    raise RedisAway(f"{address} refuses: {said[:_LONGEST_MESSAGE]}", CounterState.REFUSED)
