"""The built-in upstream: it answers both API shapes without account or network, plausibly and always the same."""
