"""From files to a validated `Config`, or to every diagnostic that stands in the way.

Reading order: `load.py` tells the flow as numbered steps; `source.py`, `references.py`, `validate.py` and `checks.py`
are its steps; `model.py` and `sections/` say what a file may contain.
"""
