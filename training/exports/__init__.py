"""What a bundle holds for others to load, each file run beside the Keras model: `proof` writes them."""
