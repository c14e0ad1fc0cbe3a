"""What every program of a framework does: asks a question, reads a note by a tool, has an object made, reads a stream.

Each prints a line of JSON with what came of it. A program runs in the framework's own environment, without the tests'.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

URL, KEY, MODEL, API = (os.environ[name] for name in ("GATEWAY_URL", "GATEWAY_KEY", "GATEWAY_MODEL", "GATEWAY_API"))
PROMPT = "Say pong."
OF_NOTE = "What does the note in note-one.txt say?"
OBJECT = "Give the word of the day as an object."


def read_note(file: str) -> str:
    """Reads a note.

    Args:
        file: The note's path.
    """
    return Path(file).read_text()


def run(**steps: Callable[[], object]) -> None:
    """Takes each step, whatever became of those before."""
    for name, step in steps.items():
        try:
            told = {"step": name, "said": str(step())}
        except Exception:
            told = {"step": name, "failed": traceback.format_exc()}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
