"""Cases written beside a configuration: what it has to route, refuse and charge. Judged offline."""
