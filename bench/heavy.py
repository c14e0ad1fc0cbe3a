"""`python -m bench.heavy [--python PYTHON] [--mebibytes N] [ROW...]`: how long the event loop stands still.

One client asks for a small answer over and over; beside it one large body after the other is sent to the gateway, or
a large answer by its upstream, with everything on that looks into bodies. Printed are, of each body,

- `gap`: the longest that the event loop took from one turn to the next;
- `busy`: the most that the process worked between two turns, be it in the loop's thread or in one that kept Python's
  lock, and `worked`: the most that the loop's own thread did. The load of the machine has no part in these;
- `decode`: what one `msgspec` decode of the body takes;
- `small`: the longest that a small request took.

With an interpreter, the gateway that it finds is measured. Rows whose name holds one of the words are run, or all.
"""

import argparse
import contextlib
import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from bench import processes as run
from bench.__main__ import BUDGETS, CAPTURE, CONFIG, KEY_HASH, REQUEST
from bench.heavy_upstream import MODELS
from bench.load import KEY

CHAT, MESSAGES, FORM = "/v1/chat/completions", "/v1/messages", "/v1/audio/transcriptions"
COMPLETIONS, RESPONSES = "/v1/completions", "/v1/responses"
JSON = {"content-type": "application/json"}
A_FORM = {"content-type": "multipart/form-data; boundary=b"}
FORCED, DISABLED = {**JSON, "x-langwatch-cache": "force"}, {**JSON, "x-langwatch-cache": "disable"}
WATCHED = Path(__file__).with_name("watched.py")
PROVIDERS = """  anthropic: {{type: anthropic, api_key: "${{env:BENCH_KEY:-sk-bench}}", base_url: "{upstream}"}}
  bedrock: {{type: bedrock, region: eu-central-1, api_key: "${{env:BENCH_KEY:-sk-bench}}", base_url: "{upstream}"}}
model_aliases:
  claude: anthropic/claude
  falls: [openai/fails, anthropic/claude]
  cloud: bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0
  fast: openai/gpt-5-mini
"""
PRICE = "{input_usd_per_mtok: 1, output_usd_per_mtok: 2}"
PRICED = "prices:\n" + "".join(
    f"  {'anthropic' if model.startswith('claude') else 'openai'}/{model}: {PRICE}\n" for model in MODELS
)
Row = tuple[str, dict[str, str], bytes]


def bodies(mebibytes: int) -> Mapping[str, Callable[[], Row]]:
    """Path, headers and body of each row, about so many MiB."""
    size = mebibytes * 1024 * 1024

    def chat(
        *contents: object, path: str = CHAT, head: dict[str, str] = JSON, model: str = "fast", **more: object
    ) -> Row:
        messages = [{"role": "user", "content": content} for content in contents]
        return path, head, json.dumps({"model": model, "max_tokens": 5, "messages": messages, **more}).encode()

    def raw(member: bytes, piece: bytes, before: bytes = b"", after: bytes = b"", *, model: str = "fast") -> Row:
        """A chat with one more member, a piece of bytes over and over in its value."""
        head = b'{"model":"%s","messages":[{"role":"user","content":"hi"}],"%s":' % (model.encode(), member)
        return CHAT, JSON, head + before + piece * (size // len(piece)) + after + b"}"

    def text() -> list[str]:
        return [f"sentence {number} of a long conversation. " * 20 for number in range(size // 800)]

    def form(field: bytes) -> Row:
        head = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfast\r\n'
        return (
            FORM,
            A_FORM,
            head + b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + field + b"\r\n--b--\r\n",
        )

    def answer(model: str, *, path: str = CHAT, stream: bool = False, provider: str = "openai") -> Row:
        return chat("hi", path=path, model=f"{provider}/{model}", stream=stream)

    tool = {"type": "function", "function": {"name": "f", "description": "d" * 900, "parameters": {"type": "object"}}}
    return {
        "only text": lambda: chat(*text()),
        "the same URL": lambda: chat("http://a.example/ " * (size // 18)),
        "URLs without end": lambda: chat("http://@" * (size // 8)),
        "different URLs": lambda: chat(" ".join(f"http://{n}.example/" for n in range(size // 22))),
        "a form: URLs": lambda: form(b"http://@" * (size // 8)),
        "a form: no UTF-8": lambda: form(b"\xff" * size),
        "a form: line ends": lambda: form(b"\r\n" * (size // 2)),
        "names of media": lambda: raw(b"metadata", b'{"data":"a"},', b"[", b"{}]"),
        "openings of media": lambda: raw(b"metadata", b'"data":"', b'{"x":"y",', b'"}'),
        "data URLs": lambda: raw(b"metadata", b'{"url":"data:image/png;base64,AAAA"},', b"[", b"{}]"),
        "names of images": lambda: raw(b"metadata", b'{"type":"image_url"},', b"[", b"{}]"),
        "files by name": lambda: raw(b"metadata", b'{"file_id":"f"},', b"[", b"{}]"),
        "models by name": lambda: raw(b"metadata", b'{"model":"f"},', b"[", b"{}]"),
        "names with escapes": lambda: raw(b"metadata", b'{"\\u0064ata":"a"},', b"[", b"{}]"),
        "hosted tools": lambda: raw(b"tools", b'{"type":"web_search","max_uses":3},', b"[", b'{"type":"web_search"}]'),
        "many tools": lambda: chat("hi", tools=[tool] * (size // 1000)),
        "another tool each": lambda: chat("hi", tools=[{**tool, "n": n} for n in range(size // 1000)]),
        "tools in the talk": lambda: chat(*[[{"type": "text", "text": "t", "tools": []}]] * (size // 80)),
        "metadata": lambda: chat("hi", metadata={f"k{n}": "v" for n in range(size // 15)}),
        "metadata of a user": lambda: chat(
            "hi", path=MESSAGES, model="claude", metadata={f"k{n}": "v" for n in range(size // 15)}
        ),
        "a list for n": lambda: chat("hi", n=[1] * (size // 3)),
        "digits for n": lambda: raw(b"n", b"1"),
        "digits for max_tokens": lambda: raw(b"max_completion_tokens", b"1"),
        "a list of options": lambda: raw(b"stream_options", b'{"a":1},', b"[", b"{}]"),
        "a list to be strict": lambda: raw(b"drop_tuning_params", b"[1],", b"[", b"[1]]"),
        "half emojis": lambda: chat("\ud83d" * 9000 + "a" * size),
        "escapes": lambda: chat("\n" * (size // 2)),
        "one key over and over": lambda: (
            CHAT,
            JSON,
            b'{"model":"fast",%s"a":"%s","messages":[]}' % (b'"a":1,' * 9000, b"a" * size),
        ),
        "no JSON at its end": lambda: (CHAT, JSON, chat(*text())[2][:-1] + b"]"),
        "prompts": lambda: (COMPLETIONS, JSON, json.dumps({"model": "fast", "prompt": ["a"] * (size // 5)}).encode()),
        "tokens": lambda: (COMPLETIONS, JSON, json.dumps({"model": "fast", "prompt": [7] * (size // 3)}).encode()),
        "items": lambda: (
            RESPONSES,
            JSON,
            json.dumps({"model": "fast", "input": [{"role": "user", "content": "a"}] * (size // 34)}).encode(),
        ),
        "translated: text": lambda: chat(*text(), model="claude"),
        "translated: small ones": lambda: chat(*["a"] * (size // 34), model="claude"),
        "translated: escapes": lambda: chat("\n" * (size // 2), model="claude"),
        "translated: digits": lambda: raw(b"temperature", b"1", model="claude"),
        "translated: numbers": lambda: raw(b"stop", b"1,", b"[", b"1]", model="claude"),
        "translated: metadata": lambda: raw(b"metadata", b'"a":1,', b"{", b'"b":1}', model="claude"),
        "fallback: text": lambda: chat(*text(), model="falls"),
        "fallback: small ones": lambda: chat(*["a"] * (size // 34), model="falls"),
        "cache forced": lambda: chat(*text(), path=MESSAGES, head=FORCED, model="claude"),
        "cache forced: small": lambda: chat(*["a"] * (size // 34), path=MESSAGES, head=FORCED, model="claude"),
        "cache forced: escapes": lambda: chat("\n" * (size // 2), path=MESSAGES, head=FORCED, model="claude"),
        "cache disabled": lambda: chat(
            *[[{"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}]] * (size // 120),
            path=MESSAGES, head=DISABLED, model="claude",
        ),
        "for a cloud": lambda: chat(*text(), path=MESSAGES, model="cloud"),
        "for a cloud: small ones": lambda: chat(*["a"] * (size // 34), path=MESSAGES, model="cloud"),
        "usage not reported": lambda: chat(*text(), model="openai/silent"),
        "answer: whole": lambda: answer("unary"),
        "answer: usage first": lambda: answer("unary-first"),
        "answer: a megabyte": lambda: answer("megabyte"),
        "answer: an error": lambda: answer("error"),
        "answer: one event": lambda: answer("one-event", stream=True),
        "answer: odd event": lambda: answer("one-odd-event", stream=True),
        "answer: event, usage": lambda: answer("one-event-usage", stream=True),
        "answer: small events": lambda: answer("small-events", stream=True),
        "translated answer": lambda: answer("claude-unary", provider="anthropic"),
        "translated answer: blocks": lambda: answer("claude-blocks", provider="anthropic"),
        "translated answer: error": lambda: answer("claude-error", provider="anthropic"),
        "translated answer: event": lambda: answer("claude-event", provider="anthropic", stream=True),
    }  # fmt: skip


def ask(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str], body: bytes) -> int:
    """The status of an answer, read to its end."""
    connection.request("POST", path, body, {**headers, "authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def longest_gap(port: int) -> list[float]:
    """What `bench.watched` tells; it begins anew."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/longest-gap")
        return [float(figure) for figure in connection.getresponse().read().split()]


def worst_ms(port: int, beside: threading.Thread | None, seconds: float) -> tuple[float, int]:
    """The longest of many small requests, while a thread works or for a time; and how many there were."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body, worst, count, end = (REQUEST % "").encode(), 0.0, 0, time.monotonic() + seconds
    while time.monotonic() < end or (beside is not None and beside.is_alive()):
        began = time.monotonic()
        ask(connection, CHAT, JSON, body)
        worst, count = max(worst, time.monotonic() - began), count + 1
        time.sleep(0.01)
    connection.close()
    return worst * 1000, count


def decode_ms(body: bytes) -> float:
    """How long one decode takes; 0 for what is no JSON."""
    best = float("inf")
    for _ in range(2):
        began = time.perf_counter()
        try:
            decoded = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            decoded = None
        best = min(best, time.perf_counter() - began)
        del decoded
    return best * 1000


def measure(port: int, pid: int, name: str, row: Row) -> None:
    """Prints what one body does to the others."""
    statuses: list[object] = []
    decoding = decode_ms(row[2])

    def send() -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            try:
                statuses.append(ask(connection, *row))
            except OSError as problem:
                statuses.append(type(problem).__name__)

    thread, before = threading.Thread(target=send), run.cpu_seconds(pid)
    longest_gap(port)
    thread.start()
    worst, _ = worst_ms(port, thread, 0.3)
    gap, busy, worked = longest_gap(port)
    print(
        f"{name:25} gap {gap:7.1f}  busy {busy:7.1f}  worked {worked:7.1f}  decode {decoding:6.1f}"
        f"  small {worst:7.1f} ms  {run.cpu_seconds(pid) - before:5.2f} s of CPU  {statuses}",
        flush=True,
    )


def main() -> None:
    """Prints a row for each body."""
    parser = argparse.ArgumentParser(prog="python -m bench.heavy")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--mebibytes", type=int, default=12)
    parser.add_argument("rows", nargs="*")
    given = parser.parse_args()
    os.environ.pop("VIRTUAL_ENV", None)
    with tempfile.TemporaryDirectory(prefix="bench-heavy-") as made:
        directory, upstream_port, port = Path(made), run.free_port(), run.free_port()
        file, upstream = directory / "gateway.yaml", f"http://127.0.0.1:{upstream_port}"
        config = CONFIG.replace("model_aliases: {{fast: openai/gpt-5-mini}}\n", PROVIDERS).replace(
            '["gpt-5*"]', '["*"]'
        )
        file.write_text(config.format(upstream=upstream, key=KEY_HASH) + BUDGETS + CAPTURE + PRICED)
        play = (sys.executable, "-m", "bench.heavy_upstream", str(upstream_port), str(given.mebibytes))
        serve = (given.python, "-P", str(WATCHED), "serve", "--log-level", "warning", "--no-access-log")
        env = {
            "GATEWAY_DATA_DIR": str(directory / "data"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": upstream,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        with (
            run.started(run.OTHER_CORE, *play, port=upstream_port),
            run.started(run.SERVER_CORE, *serve, "--port", str(port), "-c", str(file), port=port, env=env) as pid,
        ):
            worst_ms(port, None, 1)
            longest_gap(port)
            worst, _ = worst_ms(port, None, 3)
            gap, busy, worked = longest_gap(port)
            print(
                f"{'nothing beside':25} gap {gap:7.1f}  busy {busy:7.1f}  worked {worked:7.1f}"
                f"{'':17}small {worst:7.1f} ms"
            )
            for name, make in bodies(given.mebibytes).items():
                if not given.rows or any(word in name for word in given.rows):
                    measure(port, pid, name, make())


if __name__ == "__main__":
    main()
