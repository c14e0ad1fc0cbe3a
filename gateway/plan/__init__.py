"""What `apply` would change, and what follows from it. Pure: no clock, no database, no file."""
