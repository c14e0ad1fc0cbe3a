"""Gemini's own API: the client's side of its lanes."""
