"""ANSWERS: picture bytes in, ranked labels out. No Django; TensorFlow only where a GPU engine needs it."""

import sys

# OpenVINO reports each import and conversion to its makers through this package, without asking,
# and does without it where the import fails. What Ocellus does stays on its host.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
