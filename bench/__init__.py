"""What the gateway costs, measured beside a bare proxy made of the same parts. See bench/README.md."""
