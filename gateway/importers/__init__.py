"""Configurations of other gateways, turned into ours, with a note on everything that could not come along."""
