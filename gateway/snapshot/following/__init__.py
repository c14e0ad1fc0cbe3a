"""A gateway that serves what a control plane has: asked for news, kept on disk, compiled like a changed file."""
