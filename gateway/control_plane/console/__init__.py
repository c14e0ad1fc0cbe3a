"""The console: pages for people over what REST gives to programs. Each page asks the functions that REST asks."""
