"""Upstreams that fail in every way under load: one gateway, a broken provider, and traffic to a sound one beside it."""

import threading
import time
from contextlib import suppress

import pytest

from tests.chaos.fleet import every_answer_ends, memory_is_bounded, memory_mb, nobody_stumbled
from tests.support.answers import sse
from tests.support.ledger import settled_entries
from tests.support.load import Kind, Load, chat
from tests.support.upstream import CHAT, CUT, HANG, response, stream
