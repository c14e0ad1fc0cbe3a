"""`python -m bench.traced [--rounds N] [--seconds N]`: what tracing costs beside the bare proxy, in one run.

The bare proxy and gateways that trace nothing, a tenth and all of their requests are up at once on one core, each with
data of its own, and are loaded in turn, round by round, the other way round each second time. Printed are the medians
of microseconds of CPU for a request, and of what tracing adds as a share of what the bare proxy takes.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
from pathlib import Path

from bench import processes as run
from bench.__main__ import BARE, CONFIG, EVENTS, KEY_HASH, REQUEST

SHARES = ("0", "0.1", "1")


def main() -> None:
    """All of them in turn."""
    arguments = argparse.ArgumentParser(prog="python -m bench.traced", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=30)
    arguments.add_argument("--seconds", type=float, default=1, help="length of each run")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-traced-") as made, contextlib.ExitStack() as up:
        directory, upstream_port = Path(made), run.free_port()
        upstream = f"http://127.0.0.1:{upstream_port}"
        body, file = directory / "unary.json", directory / "gateway.yaml"
        body.write_text(REQUEST % "")
        file.write_text(CONFIG.format(upstream=upstream, key=KEY_HASH))
        play = (sys.executable, "-m", "bench.upstream", str(upstream_port), str(EVENTS))
        up.enter_context(run.started(run.OTHER_CORE, *play, port=upstream_port))
        port = run.free_port()
        bare = (sys.executable, "-m", "bench.bare_proxy", str(port), upstream)
        servers = {BARE: (port, up.enter_context(run.started(run.SERVER_CORE, *bare, port=port)))}
        for share in SHARES:
            port = run.free_port()
            env = {
                "GATEWAY_DATA_DIR": str(directory / share),
                "OTEL_EXPORTER_OTLP_ENDPOINT": upstream,
                "OTEL_TRACES_EXPORTER": "otlp" if float(share) else "none",
                # The queue is long, so that no span is dropped and all work is in the figures.
                "OTEL_BSP_MAX_QUEUE_SIZE": "1000000",
                "OTEL_TRACES_SAMPLER": "traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": share,
            }
            gateway = (sys.executable, "-m", "gateway", "serve", "--log-level", "warning", "-c", str(file))
            started = run.started(run.SERVER_CORE, *gateway, "--port", str(port), port=port, env=env)
            servers[share] = (port, up.enter_context(started))
        rounds = [_round(servers, body, options.seconds, number) for number in range(options.rounds + 1)][1:]
    figures = {name: statistics.median(one[name] for one in rounds) for name in servers}
    for name, took in figures.items():
        label = name if name == BARE else f"gateway, {float(name):.0%} traced"
        print(f"{label:>24}: {took:6.1f} us a request")
    for share in SHARES[1:]:
        added = sorted((one[share] - one["0"]) / one[BARE] for one in rounds)
        middle = statistics.median(added)
        print(f"{float(share):.0%} traced adds {middle:.3f} of the bare proxy ({added[0]:.3f} to {added[-1]:.3f})")


def _round(servers: dict[str, tuple[int, int]], body: Path, seconds: float, number: int) -> dict[str, float]:
    """Microseconds of CPU for a request to each; the first round warms up."""
    order = list(servers.items()) if number % 2 else list(servers.items())[::-1]
    found: dict[str, float] = {}
    for name, (port, pid) in order:
        before = run.cpu_seconds(pid)
        told = run.load(port, body, connections=64, seconds=seconds)
        found[name] = (run.cpu_seconds(pid) - before) * 1e6 / told["requests"]
        if told["failures"]:
            raise RuntimeError(f"{told['failures']} requests to {name} failed")
    print(json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    main()
