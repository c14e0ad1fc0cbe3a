"""`python -m bench [--seconds N] [--quick]`: one table with ratios, and the same as JSON under bench/results/.

With BENCH_REDIS_URL there is a row for counters in Redis.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench import processes as run
from gateway.version import BUILD

REQUEST = (
    '{"model":"fast","messages":[{"role":"system","content":"'
    + "s" * 400
    + '"},{"role":"user","content":"'
    + "u" * 300
    + '"}],"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object",'
    '"properties":{"city":{"type":"string"}}}}}],"max_tokens":100%s}'
)
EVENTS = 200
GATEWAY = "gateway (compiled)" if BUILD == "compiled" else "gateway"
EVERYTHING = f"{GATEWAY}, everything on"
BARE, BARE_BATCH = "bare proxy", "bare proxy, SCHED_BATCH"
RATIOS = ("cpu_us_per_request", "cpu_us_per_chunk")
LATENCIES = ("half_load_p50_ms", "half_load_p99_ms")
CALM_S = 2.5
"""Until what the full load left for the ledger has been shipped."""
KEY_HASH = "hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba"
CONFIG = """version: 1
organization: acme
teams: {{engineering: {{}}}}
projects: {{checkout: {{team: engineering}}}}
providers:
  openai:
    type: openai
    api_key: "${{env:BENCH_KEY:-sk-bench}}"
    base_url: "{upstream}/v1"
    rate_limits: {{rpm: 900000000}}
model_aliases: {{fast: openai/gpt-5-mini}}
policy_rules:
  no-shell: {{tools: {{deny: ['^shell\\.', '^filesystem\\.(write|delete)$']}}}}
  no-metadata: {{urls: {{deny: ['^https?://169\\.254\\.']}}}}
virtual_keys:
  bench:
    environment: test
    project: checkout
    secret_hash: {key}
    models_allowed: ["gpt-5*"]
    rate_limits: {{rpm: 900000000, tpm: 900000000000, concurrency: 5000}}
    policy_rules: [no-shell, no-metadata]
"""
BUDGETS = """
budgets:
  organization: {scope: {organization: acme}, window: month, limit_usd: 5000000}
  team: {scope: {team: engineering}, window: month, timezone: Europe/Amsterdam, limit_usd: 5000000}
  key: {scope: {virtual_key: bench}, window: day, limit_usd: 5000000}
"""
CAPTURE = """
content_capture: {enabled: true, redact: ['[0-9]{13,19}', 'sk-[A-Za-z0-9]{20,}']}
"""
NGINX = """worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir};
  uwsgi_temp_path {dir}; scgi_temp_path {dir};
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 256; }}
  server {{ listen 127.0.0.1:{port}; keepalive_requests 100000000; location / {{ proxy_pass http://up;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }} }}
"""


def many_keys(upstream: str, count: int) -> str:
    """A configuration with so many realistic keys."""
    keys = "".join(
        f'  dev-{number:06d}:\n    environment: test\n    project: checkout\n    models_allowed: ["gpt-5*"]\n'
        f"    rate_limits: {{rpm: 600, rpd: 50000}}\n    secret_hash: hmac-sha256:{number:064x}\n"
        for number in range(count)
    )
    return CONFIG.format(upstream=upstream, key=KEY_HASH) + keys


def throughput(name: str, port: int, pid: int, bodies: dict[str, Path], seconds: float) -> dict[str, Any]:
    """Unary and streaming figures of one server."""
    run.load(port, bodies["unary"], connections=8, seconds=1)
    before = run.cpu_seconds(pid)
    unary = run.load(port, bodies["unary"], connections=64, seconds=seconds)
    unary_cpu = (run.cpu_seconds(pid) - before) * 1e6 / unary["requests"]
    time.sleep(CALM_S)
    calm = run.load(port, bodies["unary"], connections=16, seconds=seconds, rate=unary["per_second"] / 2)
    before = run.cpu_seconds(pid)
    streams = run.load(port, bodies["stream"], connections=32, seconds=seconds)
    stream_cpu = run.cpu_seconds(pid) - before
    return {
        "server": name,
        "cpu_us_per_request": unary_cpu,
        "requests_per_second": unary["per_second"],
        "half_load_p50_ms": calm["p50_ms"],
        "half_load_p99_ms": calm["p99_ms"],
        "cpu_us_per_chunk": stream_cpu * 1e6 / max(1, streams["chunks"]),
        "streams_per_second": streams["per_second"],
        "failures": unary["failures"] + calm["failures"] + streams["failures"],
    }


def reloads(directory: Path, upstream: str, bodies: dict[str, Path], counts: list[int]) -> list[dict[str, Any]]:
    """Memory and reload time for files of many keys, under a light load."""
    rows = []
    for count in counts:
        file, port = directory / f"{count}.yaml", run.free_port()
        text = many_keys(upstream, count)
        file.write_text(text)
        command = (sys.executable, "-m", "gateway", "serve", "-c", str(file), "--port", str(port), "--no-access-log")
        with run.started(run.SERVER_CORE, *command, port=port) as pid:
            before, resident = run.readyz(port)["revision"], run.resident_mib(pid)
            result: dict[str, Any] = {}
            asking = threading.Thread(
                target=lambda port=port, result=result, count=count: result.update(
                    run.load(port, bodies["unary"], connections=2, seconds=3 + count / 8000, rate=100)
                )
            )
            asking.start()
            time.sleep(0.5)
            file.write_text(text + "# changed\n")
            began = time.monotonic()
            while run.readyz(port)["revision"] == before:
                time.sleep(0.02)
            took = time.monotonic() - began
            asking.join()
            rows.append(
                {
                    "keys": count,
                    "resident_mib": resident,
                    "resident_after_reload_mib": run.resident_mib(pid),
                    "reload_s": took,
                    "requests_meanwhile": result["requests"],
                    "failed_meanwhile": result["failures"],
                    "p99_meanwhile_ms": result["p99_ms"],
                }
            )
    return rows


def servers(directory: Path, upstream_port: int) -> list[tuple[str, int, tuple[str, ...]]]:
    """(name, port, command) of everything that is compared."""
    upstream = f"http://127.0.0.1:{upstream_port}"
    gateway_port, bare_port, nginx_port = run.free_port(), run.free_port(), run.free_port()
    file = directory / "gateway.yaml"
    plain = CONFIG.format(upstream=upstream, key=KEY_HASH)
    file.write_text(plain)
    budgeted = directory / "budgets.yaml"
    budgeted.write_text(plain + BUDGETS)
    gateway = (sys.executable, "-m", "gateway", "serve", "--port", str(gateway_port), "--log-level", "warning", "-c")
    bare = (sys.executable, "-m", "bench.bare_proxy", str(bare_port), upstream)
    found = [
        (GATEWAY, gateway_port, (*gateway, str(file))),
        (BARE, bare_port, bare),
    ]
    if shutil.which("chrt"):
        # The gateway's workers schedule their threads so; what of the difference is due to that can be told by this.
        found.append((BARE_BATCH, bare_port, ("chrt", "--batch", "0", *bare)))
    # Entries stay in the spool while the database is away: what the request path costs by itself.
    away = ("env", "GATEWAY_DATABASE_URL=postgresql://nobody@127.0.0.1:1/none", *gateway, str(file))
    found.append((f"{GATEWAY}, spool only", gateway_port, away))
    found.append((f"{GATEWAY}, 3 budgets", gateway_port, (*gateway, str(budgeted))))
    # The upstream takes spans too. The queue is long, so that no span is dropped and all work is in the figures.
    traced = ("env", f"OTEL_EXPORTER_OTLP_ENDPOINT={upstream}", "OTEL_BSP_MAX_QUEUE_SIZE=1000000")
    sampled = (*traced, "OTEL_TRACES_SAMPLER=traceidratio")
    for name, share, configured in (
        (f"{GATEWAY}, 10% traced", "0.1", file),
        (f"{GATEWAY}, 100% traced", "1", file),
        # What the target is about: limits, rules, budgets, metrics, log, ledger, and one request in ten traced.
        (EVERYTHING, "0.1", budgeted),
    ):
        found.append((name, gateway_port, (*sampled, f"OTEL_TRACES_SAMPLER_ARG={share}", *gateway, str(configured))))
    captured = directory / "captured.yaml"
    captured.write_text(plain + CAPTURE)
    found.append((f"{GATEWAY}, 100% with content", gateway_port, (*traced, *gateway, str(captured))))
    if redis := os.environ.get("BENCH_REDIS_URL"):
        counted = ("env", f"GATEWAY_REDIS_URL={redis}", "GATEWAY_REDIS_NAMESPACE=bench", *gateway)
        found.append((f"{GATEWAY}, limits in Redis", gateway_port, (*counted, str(file))))
        found.append((f"{GATEWAY}, 3 budgets in Redis", gateway_port, (*counted, str(budgeted))))
    if shutil.which("nginx"):
        conf = directory / "nginx.conf"
        conf.write_text(NGINX.format(dir=directory, upstream=upstream_port, port=nginx_port))
        found.append(("nginx", nginx_port, ("nginx", "-c", str(conf), "-p", str(directory))))
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as aligned text."""
    names = list(rows[0])
    cells = [names, *([f"{row[n]:.2f}" if isinstance(row[n], float) else str(row[n]) for n in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)


def comparisons(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The gateway, alone and with everything on, beside the bare proxy in both its forms."""
    by_name = {row["server"]: row for row in rows}
    return [
        {
            "gateway": ours,
            "beside": theirs,
            **{f"{name}_ratio": by_name[ours][name] / by_name[theirs][name] for name in RATIOS},
            **{f"{name}_added": by_name[ours][name] - by_name[theirs][name] for name in LATENCIES},
        }
        for ours in (GATEWAY, EVERYTHING)
        for theirs in (BARE, BARE_BATCH)
        if theirs in by_name
    ]


def main() -> None:
    """Runs everything in one go."""
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8, help="length of each run")
    arguments.add_argument("--quick", action="store_true", help="short runs, and no file of 100,000 keys")
    options = arguments.parse_args()
    seconds = 3 if options.quick else options.seconds
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        directory, upstream_port = Path(made), run.free_port()
        os.environ["GATEWAY_DATA_DIR"] = str(directory / "data")
        bodies = {"unary": directory / "unary.json", "stream": directory / "stream.json"}
        bodies["unary"].write_text(REQUEST % "")
        bodies["stream"].write_text(REQUEST % ',"stream":true,"stream_options":{"include_usage":true}')
        play = (sys.executable, "-m", "bench.upstream", str(upstream_port), str(EVENTS))
        with run.started(run.OTHER_CORE, *play, port=upstream_port):
            rows = []
            for number, (name, port, command) in enumerate(servers(directory, upstream_port)):
                # Each has data of its own: what one leaves to be shipped to the ledger is no work of the next.
                env = {"GATEWAY_DATA_DIR": str(directory / f"data-{number}")}
                with run.started(run.SERVER_CORE, *command, port=port, env=env) as pid:
                    rows.append(throughput(name, port, pid, bodies, seconds))
            counts = [10_000] if options.quick else [10_000, 100_000]
            keys = reloads(directory, f"http://127.0.0.1:{upstream_port}", bodies, counts)
    compared = comparisons(rows)
    print(table(rows), table(keys), table(compared), sep="\n\n")
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    file = results / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps({"servers": rows, "keys": keys, "compared": compared}, indent=2))
    print(f"written to {file}")


if __name__ == "__main__":
    main()
