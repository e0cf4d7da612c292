"""How good a model is, and what it is to be served with: `judging` tells the whole story."""
