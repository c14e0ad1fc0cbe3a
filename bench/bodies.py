"""`python -m bench.bodies [--seconds N] [--full] [--also NAME=PYTHON] [--peers NAME=URL,KEY,MODEL ...] [ROW...]`.

What requests of coding agents cost (`bench.agents`), and streams: CPU time of each server, in microseconds for a
request or for an event of a stream, in one table. All servers are up at once, on one core, and are loaded one after the
other, body by body. One pass takes about five minutes. `--full` measures more bodies and all of it three times, each
time in another order, and prints medians; `--also` adds the gateway of another interpreter, of a compiled wheel, say.

A peer is any server with the same APIs that is up already, in front of an upstream as fast as `bench.upstream`, whose
address is printed. Its CPU time is told where it runs on this machine, in one family of processes. Rows whose name
holds one of the words are run, or all.
"""

import argparse
import contextlib
import http.client
import itertools
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import agents
from bench import processes as run
from bench.__main__ import BUDGETS, CONFIG, GATEWAY, KEY_HASH, NGINX, REQUEST
from bench.load import HOST, KEY

_PROVIDERS = """  anthropic: {{type: anthropic, api_key: "${{env:BENCH_KEY:-sk-bench}}", base_url: "{upstream}"}}
model_aliases: {{fast: openai/gpt-5-mini, claude: anthropic/claude-sonnet-4-5}}
"""
_TRACED = {
    "OTEL_BSP_MAX_QUEUE_SIZE": "1000000",
    "OTEL_TRACES_SAMPLER": "traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.1",
}
_BUSY = 0.85
"""Share of its core from which on a server, and not what loads it, decides how fast it goes."""

EVENTS = ((200, 60), (200, 245), (200, 400), (2_000, 60), (2_000, 400))


@dataclass(frozen=True)
class Server:
    """What is measured: where it listens, whose CPU time counts, and what it wants to be asked with."""

    name: str
    port: int
    pid: int | None
    key: str = KEY
    host: str = HOST
    prefix: str = ""
    model: str | None = None


@dataclass(frozen=True)
class Row:
    """A request, and whether its figure is for each event of the answer."""

    name: str
    path: str
    body: bytes
    connections: int
    per_event: bool = False


def rows(*, full: bool) -> Iterator[Row]:
    """All that is sent; of shapes other than chat a few sizes, but for `full`."""
    for shape, path in agents.PATHS.items():
        for kilobytes in agents.SIZES_KB:
            connections = 32 if kilobytes < 100 else 8
            for urls in (False, True):
                if full or shape == "chat" or kilobytes == 200:
                    name = f"{shape} {kilobytes} KB{', URLs' if urls else ''}"
                    yield Row(name, path, agents.body(shape, kilobytes, urls=urls), connections)
            if kilobytes >= 200 and (full or (shape, kilobytes) == ("messages", 200)):
                yield Row(
                    f"{shape} {kilobytes} KB, images", path, agents.body(shape, kilobytes, images=True), connections
                )
    body = agents.body("responses", 1)
    for name, sent in (("unstored", body), ("stored", body.replace(b'"store":false', b'"store":true'))):
        yield Row(f"responses 1 KB, {name}", agents.PATHS["responses"], sent, 32)
    for events, size in EVENTS:
        asked = f',"stream":true,"stream_options":{{"include_usage":true}},"metadata":{{"bench":"{events}x{size}"}}'
        yield Row(f"{events} events of {size}", agents.PATHS["chat"], (REQUEST % asked).encode(), 16, per_event=True)


def _config(directory: Path, upstream: str, *, judges_urls: bool) -> Path:
    """A file with everything on, with its rule on URLs or without."""
    text = CONFIG.replace("model_aliases: {{fast: openai/gpt-5-mini}}\n", _PROVIDERS).replace('["gpt-5*"]', '["*"]')
    if not judges_urls:
        text = text.replace("[no-shell, no-metadata]", "[no-shell]")
    file = directory / ("gateway.yaml" if judges_urls else "no-urls.yaml")
    file.write_text(text.format(upstream=upstream, key=KEY_HASH) + BUDGETS)
    return file


@contextlib.contextmanager
def servers(directory: Path, upstream_port: int, also: Mapping[str, str]) -> Iterator[list[Server]]:
    """Everything that is started here, up at once."""
    upstream = f"http://{HOST}:{upstream_port}"
    with contextlib.ExitStack() as running:

        def start(name: str, *command: str, env: Mapping[str, str] | None = None) -> Server:
            port = next(int(word) for word in command if word.isdigit() and int(word) > 1023)
            pid = running.enter_context(run.started(run.SERVER_CORE, *command, port=port, env=dict(env or {})))
            return Server(name, port, pid)

        found: list[Server] = []
        bare = (sys.executable, "-m", "bench.bare_proxy")
        if shutil.which("nginx"):
            port, conf = run.free_port(), directory / "nginx.conf"
            # Bodies stay in memory, as everybody else keeps them.
            text = NGINX.replace(
                "access_log off;", "access_log off; client_body_buffer_size 2m; client_max_body_size 9m;"
            )
            conf.write_text(text.format(dir=directory, upstream=upstream_port, port=port))
            command = ("nginx", "-c", str(conf), "-p", str(directory))
            pid = running.enter_context(run.started(run.SERVER_CORE, *command, port=port))
            found.append(Server("nginx", port, pid))
        else:
            print("nginx is not installed: there is no column of it.")
        found.append(start("bare proxy", *bare, str(run.free_port()), upstream))
        if shutil.which("chrt"):
            found.append(start("bare, BATCH", "chrt", "--batch", "0", *bare, str(run.free_port()), upstream))
        for name, python in also.items():
            for rule in (False, True):
                data = directory / f"data-{len(found)}"
                env = {**_TRACED, "GATEWAY_DATA_DIR": str(data), "OTEL_EXPORTER_OTLP_ENDPOINT": upstream}
                serve = (
                    python,
                    "-P",
                    "-m",
                    "gateway",
                    "serve",
                    "--log-level",
                    "warning",
                    "--port",
                    str(run.free_port()),
                )
                file = _config(directory, upstream, judges_urls=rule)
                found.append(start(name if rule else f"{name}, no URL rule", *serve, "-c", str(file), env=env))
        yield found


def peer(said: str) -> Server:
    """`NAME=URL,KEY,MODEL` as a server."""
    name, _, rest = said.partition("=")
    url, key, model = rest.split(",")
    parts = urlsplit(url)
    port = parts.port or 80
    local = parts.hostname in (HOST, "localhost")
    prefix = parts.path.rstrip("/").removesuffix("/v1")
    return Server(name, port, run.listener(port) if local else None, key, parts.hostname or HOST, prefix, model)


def cost(server: Server, row: Row, directory: Path, seconds: float) -> tuple[float, float, int]:
    """Microseconds of CPU for a request or an event, the share of a core that was used, and how many failed."""
    body = row.body
    if server.model is not None:
        for alias in (b"fast", b"claude"):
            body = body.replace(b'{"model":"%s"' % alias, b'{"model":%s' % json.dumps(server.model).encode(), 1)
    file = directory / "body.json"
    file.write_bytes(body)
    before = 0.0 if server.pid is None else run.cpu_seconds(server.pid)
    further = (server.prefix + row.path, server.key, server.host)
    told = run.load(server.port, file, connections=row.connections, seconds=seconds, further=further)
    spent = float("nan") if server.pid is None else run.cpu_seconds(server.pid) - before
    count = told["chunks"] if row.per_event else told["requests"]
    return spent * 1e6 / max(1, count), spent / seconds, int(told["failures"])


def first_answers(python: str, directory: Path, upstream: str) -> str:
    """How long a start takes until the first answer, that answer, the second one, and memory at rest."""
    port, file = run.free_port(), _config(directory, upstream, judges_urls=True)
    command = (python, "-P", "-m", "gateway", "serve", "--log-level", "warning", "--port", str(port), "-c", str(file))
    # Versions do not read each other's data.
    env = {"GATEWAY_DATA_DIR": tempfile.mkdtemp(dir=directory)}
    began = time.monotonic()
    with run.started(run.SERVER_CORE, *command, port=port, env=env) as pid:
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        times = [began]
        for _ in range(3):
            with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
                connection.request("POST", agents.PATHS["chat"], REQUEST % "", headers)
                connection.getresponse().read()
            times.append(time.monotonic())
        time.sleep(1)
        parent, *workers = run.proportional_mib(pid)
        shown = " + ".join(f"{one:.0f}" for one in workers)
        first, second, third = (after - before for before, after in itertools.pairwise(times))
        return (
            f"first answer {first:.2f} s after the start, the second took {second * 1000:.1f} ms, the third "
            f"{third * 1000:.1f} ms; at rest {parent:.0f} + {shown} MiB (parent + workers, proportional set size)"
        )


def _print(
    all_rows: Sequence[Row], names: Sequence[str], found: Mapping[tuple[str, str], list[tuple[float, float, int]]]
) -> None:
    """The table; `*` where a server had rest, so that what loaded it was slower; `!` where requests failed."""
    print("| CPU us | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for row in all_rows:
        cells = []
        for name in names:
            runs = found[row.name, name]
            rested = "*" if statistics.median(one[1] for one in runs) < _BUSY else ""
            failed = "!" if any(one[2] for one in runs) else ""
            cells.append(f"{statistics.median(one[0] for one in runs):,.1f}{rested}{failed}")
        print(f"| {row.name} | " + " | ".join(cells) + " |")


def main() -> None:
    """Prints all figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.bodies", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="length of each run")
    parser.add_argument("--full", action="store_true", help="more bodies, three rounds")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--peers", nargs="+", action="extend", default=[], metavar="NAME=URL,KEY,MODEL")
    parser.add_argument("rows", nargs="*")
    given = parser.parse_args()
    os.environ.pop("VIRTUAL_ENV", None)
    pythons = {GATEWAY: sys.executable, **dict(one.split("=", 1) for one in given.also)}
    all_rows = [row for row in rows(full=given.full) if not given.rows or any(word in row.name for word in given.rows)]
    found: dict[tuple[str, str], list[tuple[float, float, int]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-bodies-") as made:
        directory, upstream_port = Path(made), run.free_port()
        play = (sys.executable, "-m", "bench.upstream", str(upstream_port), "200")
        with run.started(run.OTHER_CORE, *play, port=upstream_port):
            upstream = f"http://{HOST}:{upstream_port}"
            print(f"The upstream is {upstream}/v1.")
            for name, python in pythons.items():
                print(f"{name}: {first_answers(python, directory, upstream)}", flush=True)
            with servers(directory, upstream_port, pythons) as started:
                everybody = [*started, *map(peer, given.peers)]
                for server in everybody:
                    cost(server, all_rows[0], directory, 1)
                for turn in range(3 if given.full else 1):
                    order = random.Random(turn).sample(everybody, len(everybody))  # noqa: S311
                    for row in all_rows:
                        for server in order:
                            measured = cost(server, row, directory, given.seconds)
                            found.setdefault((row.name, server.name), []).append(measured)
    _print(all_rows, [server.name for server in everybody], found)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    file = results / f"bodies-{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps([{"row": r, "server": s, "runs": runs} for (r, s), runs in found.items()], indent=2))
    print(f"`*`: had rest, what loaded it was slower; `!`: requests failed. Written to {file}.")


if __name__ == "__main__":
    main()
