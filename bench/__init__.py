"""What the documents' figures come from: each bench prints ours and the peer's, in one run."""

import os

# TensorFlow's own chatter is not part of a table.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
