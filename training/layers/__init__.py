"""Layers that learn, from random weights or pretrained ones: `phases` are the two ways, `loop` is how."""
