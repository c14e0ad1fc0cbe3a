"""What each upstream needs to be spoken to: one file per provider type and one line in `registry.py`."""
