#!/usr/bin/env bash
# Makes DIRECTORY an environment that runs the gateway of this very checkout, with the versions and hashes of its lock.
# Nothing is taken from an index by its name alone, and nothing is built.
set -euo pipefail
directory="${1:?usage: install.sh DIRECTORY}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

python3 -m venv "$directory"
"$directory/bin/python" -I -m pip install --quiet --disable-pip-version-check --no-input \
  --require-hashes --only-binary :all: -r "$root/deploy/requirements.lock"
