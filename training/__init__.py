"""TEACHES: a labelled folder in, a model bundle out. No Django."""
