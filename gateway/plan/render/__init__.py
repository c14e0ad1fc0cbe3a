"""A plan for a terminal, for a pull request, for a machine: the same plan each time."""
