"""How Redis is reached where it asks who comes: certificates, users, and what it says when it does not count."""

import asyncio
import shutil
from contextlib import asynccontextmanager

import pytest

from gateway.counters.hold import CounterState
from gateway.counters.redis import RedisCounters
from gateway.counters.redis_address import Tls, parse_redis_url
from gateway.counters.redis_refusals import REFUSALS
from tests.support import redis_server
from tests.support.certificate import certificate
from tests.support.redis_server import Sentinel, Server
from tests.unit.counters.redis_service import BUDGET, CONCURRENCY, PATIENT_S, RPM, TPM, answers, settled, taken, until

pytestmark = pytest.mark.service

USER = (
    "resetkeys", "~{gw:*", "resetchannels", "-@all", "+@read", "+@write", "+@scripting", "+@connection", "+info",
    "+time", "-@dangerous", "+info",
)  # fmt: skip
"""What docs/operations.md says that the user needs."""


@asynccontextmanager
async def counting(url, **options):
    counters = RedisCounters(url, **{"timeout_s": PATIENT_S, **options})
    try:
        yield counters
    finally:
        await counters.close()


async def works(counters):
    """Everything that counting does."""
    lease = await taken(counters, (RPM, 1), (TPM, 10), (CONCURRENCY, 1), (BUDGET, 5))
    lease.settle({TPM.key: 3, BUDGET.key: 2})
    await settled(counters)
    assert [await counters.used(limit) for limit in (RPM, TPM, CONCURRENCY, BUDGET)] == [1, 3, 0, 2]


async def fault_of(counters):
    await counters.start()
    await until(lambda: asyncio.sleep(0, counters.fault is not None))
    return counters.state, counters.fault


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two folders, each with a certificate.pem that vouches for itself alone, and its key.pem."""
    folders = [tmp_path_factory.mktemp(name) for name in ("ours", "theirs")]
    for folder in folders:
        certificate(folder)
    return folders


def with_tls(place):
    """Lines of the configuration of a server that speaks TLS alone, and asks for certificates."""
    return (
        "port 0",
        "tls-port {port}",
        "tls-auth-clients yes",
        "tls-replication yes",
        f"tls-cert-file {place}/certificate.pem",
        f"tls-key-file {place}/key.pem",
        f"tls-ca-cert-file {place}/certificate.pem",
    )


def as_options(lines):
    return [word for line in lines for word in f"--{line}".split(" ")]


@pytest.fixture(scope="module")
def guarded(files, tmp_path_factory):
    """A Redis that speaks TLS alone, and asks for certificates."""
    server = Server(tmp_path_factory.mktemp("redis"), *as_options(with_tls(files[0])))
    yield server.start()
    server.stop()


def test_a_client_certificate_opens_a_redis_that_asks_for_one(guarded, files):
    ours = files[0]

    async def run():
        tls = Tls(f"{ours}/certificate.pem", f"{ours}/certificate.pem", f"{ours}/key.pem")
        async with counting(parse_redis_url(f"rediss://127.0.0.1:{guarded.port}", tls)) as counters:
            await works(counters)
        # The name does not stand in the certificate, but who signed it is known.
        query = f"ssl_ca_certs={tls.ca}&ssl_certfile={tls.certificate}&ssl_keyfile={tls.key}"
        async with counting(f"rediss://localhost:{guarded.port}?{query}") as counters:
            assert (await fault_of(counters))[0] is CounterState.TLS
        async with counting(f"rediss://localhost:{guarded.port}?{query}&ssl_check_hostname=false") as counters:
            assert await answers(counters)

    asyncio.run(run())


def test_client_certificates_lead_to_a_master_by_sentinel(guarded, files, tmp_path):
    ours, theirs = files
    sentinel = Sentinel(tmp_path, guarded, *with_tls(ours)).start()

    async def run():
        url = f"rediss+sentinel://127.0.0.1:{sentinel.port}/mymaster"
        tls = Tls(f"{ours}/certificate.pem", f"{ours}/certificate.pem", f"{ours}/key.pem")
        async with counting(parse_redis_url(url, tls)) as counters:
            assert await answers(counters)
        stranger = Tls(f"{ours}/certificate.pem", f"{theirs}/certificate.pem", f"{theirs}/key.pem")
        async with counting(parse_redis_url(url, stranger)) as counters:
            state, fault = await fault_of(counters)
            assert (state, "Sentinel at" in fault, "unknown ca" in fault) == (CounterState.NO_MASTER, True, True), fault

    try:
        asyncio.run(run())
    finally:
        sentinel.stop()


def test_client_certificates_lead_through_a_cluster(files, tmp_path):
    ours = files[0]
    proof = (
        "--tls",
        "--cacert",
        f"{ours}/certificate.pem",
        "--cert",
        f"{ours}/certificate.pem",
        "--key",
        f"{ours}/key.pem",
    )
    nodes = []
    for name in ("one", "other"):
        place = tmp_path / name
        place.mkdir()
        lines = (*with_tls(ours), "tls-cluster yes", "cluster-enabled yes")
        nodes.append(Server(place, *as_options(lines)).start())

    async def run():
        tls = Tls(f"{ours}/certificate.pem", f"{ours}/certificate.pem", f"{ours}/key.pem")
        for node in nodes:  # of which one leads to the other
            async with counting(parse_redis_url(f"rediss://127.0.0.1:{node.port}", tls)) as counters:
                assert await answers(counters)

    try:
        for node, slots in zip(nodes, ((0, 8191), (8192, 16383)), strict=True):
            node.ask(*proof, "CLUSTER", "ADDSLOTSRANGE", *slots)
        nodes[0].ask(*proof, "CLUSTER", "MEET", "127.0.0.1", nodes[1].port)
        redis_server.until(lambda: all("cluster_state:ok" in node.ask(*proof, "CLUSTER", "INFO") for node in nodes))
        asyncio.run(run())
    finally:
        for node in nodes:
            node.stop()


@pytest.mark.parametrize(
    ("ca", "cert", "key", "said"),
    [
        ("theirs/certificate", None, None, "self-signed certificate"),
        (None, None, None, "certificate"),
        ("ours/certificate", None, None, "certificate required"),
        ("ours/certificate", "theirs/certificate", "theirs/key", "unknown ca"),
        ("ours/certificate", "ours/certificate", "theirs/key", "are no certificate with its key"),
        ("ours/missing", None, None, "No such file or directory"),
        ("ours/key", None, None, "has no certificates to trust"),
    ],
    ids=["not trusted", "not by the system", "no certificate", "not theirs", "another key", "no file", "a key"],
)
def test_who_is_not_trusted_is_told_why(guarded, files, ca, cert, key, said):
    places = {"ours": files[0], "theirs": files[1]}

    def path(name):
        return name and f"{places[name.partition('/')[0]]}/{name.partition('/')[2]}.pem"

    async def run():
        service = parse_redis_url(f"rediss://u:hunter2@127.0.0.1:{guarded.port}", Tls(path(ca), path(cert), path(key)))
        async with counting(service) as counters:
            state, fault = await fault_of(counters)
            assert (state, said in fault) == (CounterState.TLS, True), fault
            assert "hunter2" not in fault

    asyncio.run(run())


def test_certificates_that_were_renewed_are_used_by_the_next_connection(guarded, files, tmp_path):
    async def run():
        for name in ("certificate", "key"):
            shutil.copy(files[1] / f"{name}.pem", tmp_path)
        tls = Tls(f"{files[0]}/certificate.pem", f"{tmp_path}/certificate.pem", f"{tmp_path}/key.pem")
        async with counting(parse_redis_url(f"rediss://127.0.0.1:{guarded.port}", tls)) as counters:
            assert (await fault_of(counters))[0] is CounterState.TLS
            for name in ("certificate", "key"):
                shutil.copy(files[0] / f"{name}.pem", tmp_path)
            await until(lambda: answers(counters))

    asyncio.run(run())


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A Redis whose state the tests of this module change and restore."""
    place = tmp_path_factory.mktemp("redis")
    server = Server(place, "--busy-reply-threshold", "50").start()
    redis_server.until(lambda: server.ask("PING") == "PONG")
    (place / "dump.rdb").mkdir()  # so that it can save nothing
    yield server
    server.stop()


def test_a_user_needs_what_the_documentation_says_and_is_told_what_it_lacks(plain):
    async def run():
        plain.ask("ACL", "SETUSER", "gateway", "reset", "on", ">hunter2", *USER)
        url = f"redis://gateway:hunter2@127.0.0.1:{plain.port}"
        async with counting(url) as counters:
            await works(counters)
            plain.ask("ACL", "SETUSER", "gateway", "-zadd")
            state, fault = await fault_of_use(counters)
            assert (state, "does not permit its user" in fault) == (CounterState.DENIED, True), fault
            plain.ask("ACL", "SETUSER", "gateway", "+zadd")
            await until(lambda: answers(counters))
            plain.ask("ACL", "SETUSER", "gateway", "resetpass", ">other")
            plain.ask("CLIENT", "KILL", "USER", "gateway")
            state, fault = await fault_of_use(counters)
            assert (state, "refuses the credentials (WRONGPASS)" in fault) == (CounterState.DENIED, True), fault
            assert "hunter2" not in fault
        plain.ask("ACL", "DELUSER", "gateway")

    asyncio.run(run())


async def fault_of_use(counters):
    """What is told while the counters are used."""

    async def told():
        await answers(counters)
        return counters.fault is not None

    await until(told)
    return counters.state, counters.fault


REFUSING = {
    "OOM": (["CONFIG SET maxmemory 1"], ["CONFIG SET maxmemory 0"]),
    "READONLY": (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]),
    "MASTERDOWN": (
        ["CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"],
        ["REPLICAOF NO ONE", "CONFIG SET replica-serve-stale-data yes"],
    ),
    "MISCONF": (
        ["CONFIG SET save 3600,1", "BGSAVE"],
        ["CONFIG SET save ,"],
    ),
    "NOREPLICAS": (["CONFIG SET min-replicas-to-write 1"], ["CONFIG SET min-replicas-to-write 0"]),
    "NOAUTH": (
        ["CONFIG SET requirepass another", "-a another CLIENT KILL TYPE normal"],
        ["-a another CONFIG SET requirepass ,"],
    ),
}
"""What makes Redis answer so, and what mends it; a comma is a blank within a value, or nothing."""


def say(server, lines):
    for line in lines:
        server.ask(*(word.replace(",", " ").strip() for word in line.split(" ")))


async def is_told(counters, server, code, refuse, mend):
    await taken(counters, (BUDGET, 1))
    say(server, refuse)
    state, fault = await fault_of_use(counters)
    say(server, mend)
    assert (state, f"({code})" in fault) == (REFUSALS[code][0], True), fault
    await until(lambda: answers(counters))
    assert (counters.state, counters.fault) == (CounterState.COUNTED, None)


@pytest.mark.parametrize(("code", "commands"), REFUSING.items(), ids=REFUSING.keys())
def test_a_redis_that_takes_nothing_says_why_and_counts_again_by_itself(plain, code, commands):
    async def run():
        async with counting(plain.url, timeout_s=2) as counters:
            await is_told(counters, plain, code, *commands)

    asyncio.run(run())


def test_a_cluster_that_lacks_slots_says_so_and_counts_again_by_itself(start_redis):
    server = start_redis("--cluster-enabled", "yes")
    server.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    redis_server.until(lambda: "cluster_state:ok" in server.ask("CLUSTER", "INFO"))

    async def run():
        async with counting(server.url, timeout_s=2) as counters:
            lacks = ["CLUSTER DELSLOTS 1"], ["CLUSTER ADDSLOTS 1"]
            await is_told(counters, server, "CLUSTERDOWN", *lacks)

    asyncio.run(run())


def test_a_script_that_does_not_end_is_told_and_one_that_was_forgotten_is_sent_again(plain):
    async def run():
        async with counting(plain.url, timeout_s=0.5) as counters:
            await taken(counters, (BUDGET, 1))
            plain.ask("SCRIPT", "FLUSH")
            await taken(counters, (BUDGET, 1))
            endless = await asyncio.create_subprocess_exec(
                "redis-cli", "-p", str(plain.port), "EVAL", "while true do end", "0", stderr=-3, stdout=-3
            )

            async def busy():
                await answers(counters)
                return counters.state is CounterState.BUSY

            await until(busy)
            plain.ask("SCRIPT", "KILL")
            await endless.wait()
            await until(lambda: answers(counters))

    asyncio.run(run())


def test_a_redis_that_reads_its_data_is_waited_for(start_redis):
    server = start_redis("--key-load-delay", "30000", "--loading-process-events-interval-bytes", "1024")

    async def run():
        async with counting(server.url, timeout_s=1) as counters:
            for number in range(60):
                server.ask("SET", f"key:{number}", "x" * 1000)
            await taken(counters, (BUDGET, 1))
            server.ask("SAVE")
            server.stop()
            await asyncio.to_thread(server.start)
            seen = set()

            async def back():
                seen.add(counters.state)
                return await answers(counters)

            await until(back)
            assert CounterState.LOADING in seen

    asyncio.run(run())
