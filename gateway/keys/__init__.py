"""Virtual keys: their form, how they are made, and how they are known again without being stored."""
