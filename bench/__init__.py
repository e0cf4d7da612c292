"""What the documents' figures come from: each bench prints ours and the peer's, in one run."""

import os

import classifier  # noqa: F401 before OpenVINO: it keeps OpenVINO and NNCF from reporting to their makers

# TensorFlow's own chatter is not part of a table.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
