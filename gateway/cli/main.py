"""The `gateway` command.

Exit codes: 0 done; 1 any error, a wrong use of the command included (2 is kept for "there are changes").
"""

import sys

from gateway.version import told


def main() -> None:
    """Runs the command line and exits."""
    if sys.argv[1:] in (["version"], ["--version"]):
        # Asked by probes and by other programs, again and again: nothing else is imported for it.
        sys.stdout.write(f"{told()}\n")
        sys.exit(0)
    from gateway.cli.commands import run  # noqa: PLC0415 - see above

    sys.exit(run())
