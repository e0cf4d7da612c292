"""TEACHES: a labelled folder in, a model bundle out. No Django."""

import os

import classifier  # noqa: F401 before OpenVINO: it keeps OpenVINO and NNCF from reporting to their makers

# TensorFlow and JAX would each take a GPU's whole memory, where the inference worker has its engines and
# wants to load what was learned.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
