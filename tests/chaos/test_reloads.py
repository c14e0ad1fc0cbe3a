"""Files change under load, often, broken, and large: whoever asks meanwhile is served, and memory does not grow."""

import signal
import time

import psutil
import pytest

from tests.chaos.fleet import CONFIG, every_answer_ends, memory_is_bounded, memory_mb, nobody_stumbled
from tests.chaos.test_one_node import books_agree
from tests.support.load import Kind, Load, chat

pytestmark = pytest.mark.chaos

BROKEN = ("version: 1\nvirtual_kyes: {}\n", "", "\0\x01", CONFIG[: len(CONFIG) // 2])
STREAMS = (Kind(chat()), Kind(chat("[[words 20]] [[pace 50ms]]", stream=True)))


def with_many(keys: int, budgets: int, number: int) -> str:
    """The file with so many more keys and budgets, another one for each number."""
    more = "".join(
        f"  key-{one}: {{environment: test, project: checkout, secret_hash: {HASHES[one]}}}\n" for one in range(keys)
    )
    caps = "".join(
        f"  cap-{one}: {{scope: {{virtual_key: key-{one}}}, window: day, limit_usd: {number + 1}}}\n"
        for one in range(budgets)
    )
    return CONFIG.replace("virtual_keys:\n", f"virtual_keys:\n{more}").replace("budgets:\n", f"budgets:\n{caps}")


HASHES = [f"hmac-sha256:{one:064x}" for one in range(5_000)]


def reloads(gateway, write) -> float:
    """The seconds until what is written is served."""
    before = gateway.readyz()["revision"]
    began = time.monotonic()
    write()
    gateway.wait(lambda: gateway.readyz()["revision"] != before, 30)
    return time.monotonic() - began


def test_config_maps_that_are_swapped_and_broken(start_gateway, tmp_path, figures):
    volume = tmp_path / "volume"

    def swap(name: str, text: str | None) -> None:
        """As the kubelet does: a new folder, and a link that leads there from one moment to the next."""
        if text is not None:
            (volume / f"..{name}").mkdir(parents=True)
            (volume / f"..{name}" / "gateway.yaml").write_text(text)
        (volume / "..tmp").symlink_to(f"..{name}")
        (volume / "..tmp").replace(volume / "..data")

    swap_first = volume / "..first"
    swap_first.mkdir(parents=True)
    (swap_first / "gateway.yaml").write_text(CONFIG)
    (volume / "..data").symlink_to("..first")
    (volume / "gateway.yaml").symlink_to("..data/gateway.yaml")
    gateway = start_gateway(None, "-c", str(volume / "gateway.yaml"))
    live_s = []
    with Load([gateway.port], 40, STREAMS) as load:
        load.wait(load.all_served(), 30)
        for number in range(12):
            live_s.append(reloads(gateway, lambda number=number: swap(f"good-{number}", f"{CONFIG}# {number}\n")))
            swap(f"bad-{number}", BROKEN[number % len(BROKEN)])
            gateway.wait(lambda: gateway.readyz()["config"] == "stale")
            swap(f"good-{number}", None)
            gateway.wait(lambda: gateway.readyz()["config"] == "current")
        (volume / "..data").unlink()
        gateway.wait(lambda: gateway.readyz()["config"] == "stale")
        volume.rename(tmp_path / "away")
        time.sleep(1)
        (tmp_path / "away").rename(volume)
        swap("good-11", None)
        gateway.wait(lambda: gateway.readyz()["config"] == "current")
        live_s.append(reloads(gateway, lambda: swap("last", f"{CONFIG}# last\n")))

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    books_agree(gateway, load)
    nobody_stumbled([gateway])
    figures(load.told(), f"live after {max(live_s):.2f} s at most")


def test_a_file_of_5000_keys_and_500_budgets(start_gateway, figures):
    gateway = start_gateway(CONFIG)
    with Load([gateway.port], 40, STREAMS) as load:
        load.wait(load.all_served(), 30)
        before_mb = memory_mb([gateway.process.pid])
        live_s = [
            reloads(gateway, lambda number=number: gateway.write_config(with_many(5_000, 500, number)))
            for number in range(5)
        ]
        after_mb = memory_mb([gateway.process.pid])

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    books_agree(gateway, load)
    memory_is_bounded(before_mb, after_mb)
    nobody_stumbled([gateway])
    figures(load.told(), f"live after {max(live_s):.1f} s at most", f"{before_mb:.0f} -> {after_mb:.0f} MB")


def test_160_reloads_of_1000_keys(start_gateway, figures):
    gateway = start_gateway(with_many(1_000, 100, 0))
    descriptors = psutil.Process(gateway.worker_pid()).num_fds
    with Load([gateway.port], 10) as load:
        load.wait(load.all_served(), 30)
        for number in range(160):
            if number == 20:
                before_mb, before = memory_mb([gateway.process.pid]), descriptors()
            reloads(gateway, lambda number=number: gateway.write_config(with_many(1_000, 100, number + 1)))
        after_mb, after = memory_mb([gateway.process.pid]), descriptors()

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    assert after_mb - before_mb < 15
    assert after - before < 15
    nobody_stumbled([gateway])
    figures(load.told(), f"{before_mb:.0f} -> {after_mb:.0f} MB", f"{before} -> {after} descriptors")


def test_a_hundred_times_sighup(start_gateway, figures):
    gateway = start_gateway(CONFIG)
    with Load([gateway.port], 40) as load:
        load.wait(load.all_served(), 30)
        for _ in range(100):
            gateway.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        load.wait(load.all_served(), 30)

    every_answer_ends(load, frozenset())
    assert {one.status for one in load.answers} == {200}
    books_agree(gateway, load)
    nobody_stumbled([gateway])
    figures(load.told())
