"""Images, and the sticks and cards they are written to."""
