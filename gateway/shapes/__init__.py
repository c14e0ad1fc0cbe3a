"""All that the gateway knows of each API: one module for an API, from its own reference. Pure, and asked by every room.

`shape` says what a description consists of, `endpoints` which path speaks which shape.
"""
