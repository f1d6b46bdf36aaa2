"""Images of our own, made from distribution packages without root and without mounts."""
