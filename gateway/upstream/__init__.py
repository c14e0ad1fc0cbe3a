"""The one door to upstream HTTP."""
