"""Text that somebody else made up, as people can be shown it.

A control character could end a line or steer a terminal, and a mark of the direction of writing could turn a line
around, so that it says to its reader what it does not say.
"""

from typing import Any


def visible(text: str) -> str:
    """The text on one line: what is not printable is an escape, as in Python."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def visible_data(value: Any) -> Any:
    """Plain data with every text in it made visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: visible_data(inner) for name, inner in value.items()}
    return [visible_data(inner) for inner in value] if isinstance(value, list | tuple) else value


def visible_lines(text: str) -> str:
    """The same for text of several lines that are ours."""
    return "\n".join(map(visible, text.split("\n")))
