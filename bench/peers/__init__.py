"""What others do, as their own documents and tutorials show it, with the same model and bytes."""
