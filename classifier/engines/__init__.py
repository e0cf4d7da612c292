"""Engines: a bundle loaded in a process. `base` says what one does, the other modules do it."""
