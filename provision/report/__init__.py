"""Words, tables and bars: the only room, beside the front door, that writes to a screen."""
