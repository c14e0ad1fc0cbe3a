"""`python -m tests.agents [NAME ...]` installs these agents, all of them without a name."""

import sys

from tests.agents.clients import CLIENTS

for client in CLIENTS:
    if client.name in (sys.argv[1:] or client.name):
        client.installation.install()
