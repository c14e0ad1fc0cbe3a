"""Counters that limits are judged by. The interface promises atomicity; `memory.py` keeps it in one process."""
