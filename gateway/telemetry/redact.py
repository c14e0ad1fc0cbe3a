"""Hiding what looks like a credential in text that is about to leave the process."""

import re
from typing import Final

HIDDEN: Final = "[redacted]"

_CREDENTIALS: Final = re.compile(
    r"lw_(?:vk|gateway|view|plan|apply|admin)_[A-Za-z0-9_-]{8,}"  # virtual keys and the control plane's tokens
    r"|\bsk-[A-Za-z0-9_-]{8,}"  # OpenAI, Anthropic and those who spell theirs alike
    r"|\bAIza[0-9A-Za-z_-]{20,}"  # Google
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}"  # AWS
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"  # GitHub
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"  # a URL's user and password
    r"|(?i:(?<=bearer )|(?<=basic ))[A-Za-z0-9._~+/=-]{8,}"  # a header's value
)


def redact(text: str) -> str:
    """The text with `[redacted]` in place of every credential whose form is known."""
    return _CREDENTIALS.sub(HIDDEN, text)
