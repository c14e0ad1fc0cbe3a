"""The `gateway` command.

Exit codes: 0 done; 1 any error, a wrong use of the command included (2 is kept for "there are changes").
"""

import gc
import sys

from gateway.version import told


def main() -> None:
    """Runs the command line and exits."""
    if sys.argv[1:] in (["version"], ["--version"]):
        # Asked by probes and by other programs, again and again: nothing else is imported for it.
        sys.stdout.write(f"{told()}\n")
        sys.exit(0)
    # PERF: modules and large plans are made of what lives until the end, and looking through it for cycles, as often as
    # Python does by default, takes a sixth of the time of a short command.
    gc.set_threshold(100_000, 20, 50)
    from gateway.cli.commands import run  # noqa: PLC0415 - see above

    sys.exit(run())
