"""What stands on the wire: shapes, framing, the few bytes that may change. Bytes in, values out, no I/O."""
