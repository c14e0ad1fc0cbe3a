"""Reading token usage off responses: one module per shape, each a pair of a reader for bodies and one for events."""
