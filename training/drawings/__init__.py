"""The sample: bugs that are drawn, so that a newcomer has something to train on."""
