"""Whether something came that the event loop has not read: what is overdue by the clock may be there all the same.

uvloop runs timers before it reads. Where it was late, or the process stood still, a deadline passes while the answer
waits in the kernel.
"""

import asyncio
import select


def has_unread(transport: asyncio.BaseTransport) -> bool:
    """Whether bytes of the peer, or its end, wait to be read."""
    waiting = select.poll()
    waiting.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(waiting.poll(0))
