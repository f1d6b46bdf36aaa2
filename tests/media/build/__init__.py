"""Images of our own, down to their bytes."""
