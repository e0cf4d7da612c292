"""The report of a training and the audit of a dataset as pages: each one file with everything in it."""
