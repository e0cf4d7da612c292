"""What is learned from: which pictures there are, which stay, and what is odd about them."""
