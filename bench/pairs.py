"""`python -m bench.pairs OTHER_PYTHON [--pairs N] [--seconds N]`: the gateways of two interpreters in turn, in one run.

Machines drift, so that two runs of `python -m bench` an hour apart tell little. Here both gateways are up at once on
one core, with everything on (limits, rules, three budgets, a log, a ledger, one request in ten traced), and are loaded
one after the other, pair by pair. Printed are the ratios of CPU time, this interpreter's over the other's. Before them
goes the same with this interpreter on both sides: what it prints beside 1.0 is noise.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import processes as run
from bench.__main__ import BUDGETS, CONFIG, EVENTS, KEY_HASH, REQUEST

FIGURES = ("us a request", "us a chunk")


@contextlib.contextmanager
def gateway(python: str, directory: Path, upstream_port: int) -> Iterator[tuple[int, int]]:
    """A gateway of an interpreter with everything on; its port and its pid."""
    upstream, port = f"http://127.0.0.1:{upstream_port}", run.free_port()
    directory.mkdir()
    file = directory / "gateway.yaml"
    file.write_text(CONFIG.format(upstream=upstream, key=KEY_HASH) + BUDGETS)
    env = {
        "GATEWAY_DATA_DIR": str(directory / "data"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": upstream,
        "OTEL_BSP_MAX_QUEUE_SIZE": "1000000",
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.1",
    }
    # -P: the interpreter's own gateway, not that of the directory which this is called in.
    command = (python, "-P", "-m", "gateway", "serve", "--log-level", "warning", "--port", str(port), "-c", str(file))
    with run.started(run.SERVER_CORE, *command, port=port, env=env) as pid:
        yield port, pid


def cost(port: int, pid: int, bodies: dict[str, Path], seconds: float) -> tuple[float, float]:
    """Microseconds of CPU for a request and for a chunk of a stream."""
    before = run.cpu_seconds(pid)
    unary = run.load(port, bodies["unary"], connections=64, seconds=seconds)
    between = run.cpu_seconds(pid)
    streams = run.load(port, bodies["stream"], connections=32, seconds=seconds)
    after = run.cpu_seconds(pid)
    if unary["failures"] or streams["failures"]:
        raise RuntimeError(f"requests failed: {unary['failures']}, streams: {streams['failures']}")
    return (between - before) * 1e6 / unary["requests"], (after - between) * 1e6 / max(1, streams["chunks"])


def compare(title: str, ours: str, theirs: str, *, pairs: int, seconds: float) -> None:
    """Prints each pair and the medians."""
    with tempfile.TemporaryDirectory(prefix="bench-pairs-") as made:
        directory, upstream_port = Path(made), run.free_port()
        bodies = {"unary": directory / "unary.json", "stream": directory / "stream.json"}
        bodies["unary"].write_text(REQUEST % "")
        bodies["stream"].write_text(REQUEST % ',"stream":true,"stream_options":{"include_usage":true}')
        play = (sys.executable, "-m", "bench.upstream", str(upstream_port), str(EVENTS))
        with (
            run.started(run.OTHER_CORE, *play, port=upstream_port),
            gateway(ours, directory / "ours", upstream_port) as our_gateway,
            gateway(theirs, directory / "theirs", upstream_port) as their_gateway,
        ):
            both = (our_gateway, their_gateway)
            for warmed in both:
                cost(*warmed, bodies, min(seconds, 2))
            ratios: list[tuple[float, ...]] = []
            for number in range(pairs):
                # Who goes first changes, since what comes second meets what the first left to be shipped.
                order = both if number % 2 == 0 else both[::-1]
                found = {pid: cost(port, pid, bodies, seconds) for port, pid in order}
                mine, other = found[our_gateway[1]], found[their_gateway[1]]
                ratios.append(tuple(a / b for a, b in zip(mine, other, strict=True)))
                shown = (f"{a:.1f} : {b:.1f} {name}" for a, b, name in zip(mine, other, FIGURES, strict=True))
                print(f"{title} {number + 1}: {', '.join(shown)}", flush=True)
    for place, name in enumerate(FIGURES):
        values = sorted(ratio[place] for ratio in ratios)
        print(f"{title}, {name}: median {statistics.median(values):.3f} ({values[0]:.3f} to {values[-1]:.3f})")


def main() -> None:
    """Same against same, then ours against the other's."""
    arguments = argparse.ArgumentParser(prog="python -m bench.pairs", description=__doc__)
    arguments.add_argument("other", help="the interpreter that finds the other gateway")
    arguments.add_argument("--pairs", type=int, default=10)
    arguments.add_argument("--seconds", type=float, default=4, help="length of each run")
    options = arguments.parse_args()
    os.environ.pop("VIRTUAL_ENV", None)
    print(json.dumps({"ours": sys.executable, "other": options.other, "pairs": options.pairs}))
    compare("same", sys.executable, sys.executable, pairs=options.pairs, seconds=options.seconds)
    compare("other", sys.executable, options.other, pairs=options.pairs, seconds=options.seconds)


if __name__ == "__main__":
    main()
