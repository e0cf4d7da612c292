"""What sits on the backbone: fitting it, choosing how, and what it says of wrong labels."""
