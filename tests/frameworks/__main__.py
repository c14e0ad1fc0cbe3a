"""`python -m tests.frameworks [NAME ...]` installs these frameworks, all of them without a name."""

import sys

from tests.frameworks.frameworks import FRAMEWORKS

for framework in FRAMEWORKS:
    if framework.name in (sys.argv[1:] or framework.name):
        framework.installation.install()
