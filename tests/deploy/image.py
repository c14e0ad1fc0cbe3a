"""Builds the image, runs it as any user on a read-only root, asks it, and stops it. `task image` runs this.

Needs root, buildah and debootstrap (`apt-get install -y buildah debootstrap`); no registry and no container engine: the
base is made of Debian's packages. `--base IMAGE` takes another one, `--compiled` compiles the request path.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
BASE, IMAGE = "localhost/gateway-base", "localhost/gateway"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MOST_ABOVE_BASE = 150 * 1024 * 1024
ANY_USER = "54321:0"
STARTS_WITHIN_S = 60


def run(*command, **options):
    """A command that has to succeed."""
    print("+", *command, flush=True)
    return subprocess.run([str(one) for one in command], check=True, text=True, **options)


def output(*command):
    return run(*command, stdout=subprocess.PIPE).stdout.strip()


def make_base(folder: Path) -> None:
    """Debian with Python, and with this machine's certificates, which its package index may need."""
    if not (folder / "etc").exists():
        run("debootstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm", folder)
    shutil.copy(CERTIFICATES, folder / "etc/ssl/certs/")
    container = output("buildah", "from", "scratch")
    run("buildah", "add", "-q", container, folder, "/")
    run("buildah", "commit", "-q", container, BASE)
    run("buildah", "rm", container)


def build(base: str, compiled: bool) -> None:
    arguments = [f"PYTHON={base}", f"COMPILED={str(compiled).lower()}"]
    run(
        "buildah", "bud", "--isolation", "chroot", "--format", "docker", "--layers", "--pull-never",
        *(part for one in arguments for part in ("--build-arg", one)),
        "--ignorefile", "deploy/container/Containerfile.dockerignore",
        "-f", "deploy/container/Containerfile", "-t", IMAGE, ".", cwd=ROOT,
    )  # fmt: skip


def size_of(image: str) -> int:
    return int(json.loads(output("buildah", "images", "--json", image))[0].get("size_bytes") or 0) or _mounted(image)


def _mounted(image: str) -> int:
    container = output("buildah", "from", "--pull-never", image)
    try:
        folder = output("buildah", "mount", container)
        return int(output("du", "-sb", folder).split()[0])
    finally:
        run("buildah", "rm", container)


def look_at_the_image() -> None:
    described = json.loads(output("buildah", "inspect", "--type", "image", IMAGE))["Docker"]["config"]
    assert described["Healthcheck"]["Test"][-1] == "ready", described
    assert described["User"] == "65532:0", described
    assert described["Entrypoint"] == ["/opt/gateway/bin/gateway"], described
    above = _mounted(IMAGE) - _mounted(BASE)
    print(f"{above / 1024 / 1024:.0f} MiB above its base")
    assert above <= MOST_ABOVE_BASE, above


def serve_and_stop() -> None:
    """As a user that the image does not know, with nothing to write to but the volume and /tmp."""
    container = output("buildah", "from", "--pull-never", IMAGE)
    try:
        root = Path(output("buildah", "mount", container))
        with tempfile.TemporaryDirectory() as kept:
            os.chown(kept, 0, 0)
            os.chmod(kept, 0o770)  # noqa: S103 - the volume belongs to the group, as in the image
            _serve(root, Path(kept))
    finally:
        run("buildah", "rm", container)


def _serve(root: Path, data: Path) -> None:
    user, _, group = ANY_USER.partition(":")
    begins = "; ".join(
        (
            "set -e",
            f"mount --bind {root} {root}",
            f"mount --bind {data} {root}/var/lib/gateway",
            f"mkdir -p {root}/etc/gateway",
            f"mount --bind {ROOT}/examples {root}/etc/gateway",
            f"mount -t tmpfs tmpfs {root}/tmp",
            f"mount -t proc proc {root}/proc",
            f"mount -o remount,bind,ro {root}",
            f"exec /usr/sbin/chroot --userspec={user}:{group} {root} /opt/gateway/bin/gateway serve",
        )
    )
    environment = {
        "PATH": "/opt/gateway/bin:/usr/bin:/bin", "HOME": "/tmp", "GATEWAY_HOST": "127.0.0.1", "GATEWAY_PORT": "5573",
        "GATEWAY_DATA_DIR": "/var/lib/gateway", "GATEWAY_CONFIG": "/etc/gateway/gateway.yaml",
    }  # fmt: skip
    process = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", begins], env=environment
    )
    try:
        _asked("http://127.0.0.1:5573/readyz")
        inside = output("pgrep", "-n", "-f", "gateway serve")
        first = output("pgrep", "-o", "-P", str(process.pid))
        print(f"serves as process {first} outside, 1 inside; newest {inside}")
        os.kill(int(first), signal.SIGTERM)
        code = process.wait(timeout=30)
        assert code == 0, f"SIGTERM to process 1 of the container ended with {code}"
    finally:
        process.kill()
        process.wait()
    assert list(data.iterdir()), "the volume is empty"


def _asked(url: str) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            with urlopen(url, timeout=5) as answer:
                print(answer.status, answer.read().decode())
                return
        except (URLError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", help="An image with Python to build on; without one, Debian is put together.")
    parser.add_argument("--compiled", action="store_true", help="Compile the request path, which takes many minutes.")
    options = parser.parse_args()
    for needed in ("buildah", *(() if options.base else ("debootstrap",))):
        if shutil.which(needed) is None:
            print(f"{needed} is not there: apt-get install -y {needed}", file=sys.stderr)
            return 1
    if options.base is None:
        make_base(ROOT / ".cache" / "deploy" / "debian")
    build(options.base or BASE, options.compiled)
    look_at_the_image()
    serve_and_stop()
    print("the image serves as any user on a read-only root, and stops when it is told")
    return 0


if __name__ == "__main__":
    sys.exit(main())
