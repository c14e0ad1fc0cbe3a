"""Redis servers of a test's own, which it may stop, restart, freeze and empty: alone, with Sentinels, as a cluster."""

import shutil
import signal
import socket
import subprocess
import time

import pytest

_PATIENCE_S = 30


class Server:
    """A Redis server of the test's own, on a free port, which options may name as `{port}`."""

    def __init__(self, directory, *options):
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server is not installed: apt-get install -y redis-server")
        self.port = 65_535
        while self.port > 55_000:  # the bus of a cluster takes the port 10,000 above
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        said = [option.format(port=self.port) for option in options]
        self._command = ["redis-server", "--port", str(self.port), "--save", "", "--dir", str(directory), *said]
        self._process = None

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        late = time.monotonic() + 10
        while time.monotonic() < late:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        raise AssertionError("redis-server did not start")

    def stop(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def ask(self, *arguments):
        """What `redis-cli` says to a command."""
        command = ["redis-cli", "-p", str(self.port), *map(str, arguments)]
        told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
        return told.stdout.strip()


class Sentinel(Server):
    """One that watches a master, which it calls `mymaster`; `lines` are more of its configuration, as `Server`'s options."""

    def __init__(self, directory, master, *lines):
        super().__init__(directory)
        file = directory / "sentinel.conf"
        file.write_text(
            f"port {self.port}\ndir {directory}\nsentinel monitor mymaster 127.0.0.1 {master.port} 2\n"
            "sentinel down-after-milliseconds mymaster 1000\nsentinel failover-timeout mymaster 4000\n"
            + "".join(f"{line.format(port=self.port)}\n" for line in lines)
        )
        self._command = ["redis-server", str(file), "--sentinel"]


class SentinelSet:
    """A master, its replica and three Sentinels."""

    def __init__(self, directory):
        def folder(name):
            made = directory / name
            made.mkdir()
            return made

        # Replication begins at once, not within seconds.
        quick = ("--repl-diskless-sync-delay", "0")
        self.servers = [Server(folder("one"), *quick).start()]
        self.servers.append(Server(folder("other"), *quick, "--replicaof", f"127.0.0.1 {self.master.port}").start())
        self.sentinels = [Sentinel(folder(f"sentinel-{number}"), self.master).start() for number in range(3)]
        until(lambda: all(self._is_known(sentinel) for sentinel in self.sentinels))
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/mymaster"

    @property
    def master(self):
        return self.servers[0]

    @property
    def replica(self):
        return self.servers[1]

    def fail_over(self, how):
        """Does what makes the replica the master, and waits until it is."""
        how()
        until(lambda: self.replica.ask("ROLE").startswith("master"))
        self.servers.reverse()

    def heal(self):
        """The old master comes back as a replica that has everything."""
        if not self.replica.ask("PING"):
            self.replica.start()
        self.replica.ask("REPLICAOF", "127.0.0.1", self.master.port)
        until(lambda: "master_link_status:up" in self.replica.ask("INFO", "replication"))
        until(lambda: all(self._is_known(sentinel) for sentinel in self.sentinels))

    def stop(self):
        for server in (*self.sentinels, *self.servers):
            server.stop()

    def _is_known(self, sentinel):
        """Whether a Sentinel knows of all others, and of a replica that may take over."""
        told = dict(zip(*[iter(sentinel.ask("SENTINEL", "MASTER", "mymaster").splitlines())] * 2, strict=False))
        replica = sentinel.ask("SENTINEL", "REPLICAS", "mymaster")
        return (
            told.get("flags") == "master"
            and told.get("num-other-sentinels") == "2"
            and told.get("port") == str(self.master.port)
            and f"\n{self.replica.port}\n" in replica
            and "\nslave\n" in replica
            and "\nmaster-link-status\nok" in replica
        )


class Cluster:
    """Three masters that share the slots; the first has those of `{gw:default}`, and a replica."""

    def __init__(self, directory):
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0")

        def node(name):
            made = directory / name
            made.mkdir()
            return Server(made, *options).start()

        self.nodes = [node(name) for name in ("one", "two", "three")]
        self.replica = node("replica")
        self.slot = int(self.nodes[0].ask("CLUSTER", "KEYSLOT", "{gw:default}"))
        half = 8192 if self.slot >= 8192 else 0
        other = 8192 - half
        for owner, first, last in (
            (self.nodes[0], half, half + 8191),
            (self.nodes[1], other, other + 4095),
            (self.nodes[2], other + 4096, other + 8191),
        ):
            owner.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
        for server in (*self.nodes[1:], self.replica):
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", server.port)
        everyone = (*self.nodes, self.replica)
        until(lambda: all("cluster_known_nodes:4" in server.ask("CLUSTER", "INFO") for server in everyone))
        self.replica.ask("CLUSTER", "REPLICATE", self.nodes[0].ask("CLUSTER", "MYID"))
        until(lambda: "master_link_status:up" in self.replica.ask("INFO", "replication"))
        until(lambda: all("cluster_state:ok" in server.ask("CLUSTER", "INFO") for server in everyone))
        self.url = "redis://" + ",".join(f"127.0.0.1:{server.port}" for server in everyone)

    def move_slot(self, source, target, meanwhile=lambda: None):
        """Moves the slot with the counters, as `redis-cli --cluster reshard` does.

        `meanwhile` is called before the first key goes, and when half of them have gone.
        """
        target.ask("CLUSTER", "SETSLOT", self.slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
        source.ask("CLUSTER", "SETSLOT", self.slot, "MIGRATING", target.ask("CLUSTER", "MYID"))
        keys = source.ask("CLUSTER", "GETKEYSINSLOT", self.slot, 1000).splitlines()
        half = len(keys) // 2
        meanwhile()
        source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys[:half])
        meanwhile()
        source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys[half:])
        for node in (target, source, *(node for node in self.nodes if node not in (source, target))):
            node.ask("CLUSTER", "SETSLOT", self.slot, "NODE", target.ask("CLUSTER", "MYID"))

    def stop(self):
        for server in (*self.nodes, self.replica):
            server.stop()


def until(condition):
    """Waits for what servers bring about among themselves."""
    late = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < late, "it did not happen in time"
        time.sleep(0.05)
