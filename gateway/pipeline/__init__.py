"""The way of a request. `run.py` names the stages in order; each stage is one module."""
