"""The compiled form of one configuration revision, how it is made, and how the next one takes its place."""
