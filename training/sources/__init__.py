"""Labelled pictures in whatever form, to an index of them: `reading` is the door."""
