"""What was asked and answered, kept where a key's traces carry it, and read when they are exported."""
