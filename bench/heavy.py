"""`python -m bench.heavy [PYTHON]`: the worst stall of ordinary requests while one large body is worked on.

One client asks for a small answer over and over; beside it one large body after the other is sent to the gateway, with
everything on that looks into bodies. Printed is the longest that the small request took, before (nothing beside it) and
during each body. With an interpreter as argument, the gateway that it finds is measured.
"""

import contextlib
import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from bench import processes as run
from bench.__main__ import BUDGETS, CONFIG, EVENTS, KEY_HASH, REQUEST
from bench.load import KEY

CHAT, FORM = "/v1/chat/completions", "/v1/audio/transcriptions"
JSON = {"content-type": "application/json"}
CLAUDE = """  anthropic: {{type: anthropic, api_key: "${{env:BENCH_KEY:-sk-bench}}", base_url: "{upstream}"}}
model_aliases: {{claude: anthropic/claude-haiku-4-5, """


def bodies(mebibytes: int) -> Mapping[str, tuple[str, dict[str, str], bytes]]:
    """Path, headers and body of each row, about so many MiB."""
    size = mebibytes * 1024 * 1024

    def chat(model: str, *contents: object, **more: object) -> bytes:
        messages = [{"role": "user", "content": content} for content in contents]
        return json.dumps({"model": model, "max_tokens": 5, "messages": messages, **more}).encode()

    text = [f"sentence {number} of a long conversation. " * 20 for number in range(size // 800)]
    form = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfast\r\n'
        b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + b"http://@" * (size // 8) + b"\r\n--b--\r\n"
    )
    return {
        "the same URL": (CHAT, JSON, chat("fast", "http://a.example/ " * (size // 18))),
        "URLs without end": (CHAT, JSON, chat("fast", "http://@" * (size // 8))),
        "different URLs": (CHAT, JSON, chat("fast", " ".join(f"http://{n}.example/" for n in range(size // 22)))),
        "URLs in a form": (FORM, {"content-type": "multipart/form-data; boundary=b"}, form),
        "a translated chat": (CHAT, JSON, chat("claude", *text)),
        "marks for a cache": (CHAT, {**JSON, "x-langwatch-cache": "force"}, chat("claude", *text)),
        "metadata": (CHAT, JSON, chat("fast", "hi", metadata={f"k{n}": "v" for n in range(size // 15)})),
        "a list for n": (CHAT, JSON, chat("fast", "hi", n=[1] * (size // 3))),
        "only text": (CHAT, JSON, chat("fast", *text)),
    }


def ask(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str], body: bytes) -> int:
    """The status of an answer, read to its end."""
    connection.request("POST", path, body, {**headers, "authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def worst_ms(port: int, beside: threading.Thread | None, seconds: float) -> tuple[float, int]:
    """The longest of many small requests, while a thread works or for a time; and how many there were."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body, worst, count, end = (REQUEST % "").encode(), 0.0, 0, time.monotonic() + seconds
    while time.monotonic() < end or (beside is not None and beside.is_alive()):
        began = time.monotonic()
        ask(connection, CHAT, JSON, body)
        worst, count = max(worst, time.monotonic() - began), count + 1
        time.sleep(0.002)
    connection.close()
    return worst * 1000, count


def main() -> None:
    """Prints a row for each body."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    os.environ.pop("VIRTUAL_ENV", None)
    with tempfile.TemporaryDirectory(prefix="bench-heavy-") as made:
        directory, upstream_port, port = Path(made), run.free_port(), run.free_port()
        file, upstream = directory / "gateway.yaml", f"http://127.0.0.1:{upstream_port}"
        config = CONFIG.replace("model_aliases: {{", CLAUDE).replace('["gpt-5*"]', '["*"]')
        file.write_text(config.format(upstream=upstream, key=KEY_HASH) + BUDGETS)
        play = (sys.executable, "-m", "bench.upstream", str(upstream_port), str(EVENTS))
        serve = (python, "-P", "-m", "gateway", "serve", "--log-level", "warning", "--port", str(port), "-c", str(file))
        env = {"GATEWAY_DATA_DIR": str(directory / "data")}
        with (
            run.started(run.OTHER_CORE, *play, port=upstream_port),
            run.started(run.SERVER_CORE, *serve, port=port, env=env) as pid,
        ):
            worst_ms(port, None, 1)
            print(f"{'nothing beside':20} worst {worst_ms(port, None, 3)[0]:8.1f} ms")
            for name, (path, headers, body) in bodies(12).items():
                statuses: list[object] = []

                def send(
                    path: str = path,
                    headers: Mapping[str, str] = headers,
                    body: bytes = body,
                    statuses: list[object] = statuses,
                ) -> None:
                    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
                        try:
                            statuses.append(ask(connection, path, headers, body))
                        except OSError as problem:
                            statuses.append(type(problem).__name__)

                thread, before, began = threading.Thread(target=send), run.cpu_seconds(pid), time.monotonic()
                thread.start()
                worst, count = worst_ms(port, thread, 0)
                shown = f"{time.monotonic() - began:6.1f} s, {run.cpu_seconds(pid) - before:6.1f} s of CPU"
                print(
                    f"{name:20} worst {worst:8.1f} ms of {count:6} requests in {shown}, answered {statuses}", flush=True
                )


if __name__ == "__main__":
    main()
