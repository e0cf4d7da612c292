"""The files that a run puts into a bundle, by name; without Keras, which those that write them need."""

from classifier.bundle import (
    INT8_GRAPH,
    INT8_WEIGHTS,
    KERAS_MODEL,
    NEIGHBOURS_PICTURES,
    SERVING_GRAPH,
    SERVING_WEIGHTS,
)
from classifier.neighbours import NEIGHBOURS
from training.config import Format

EXPORTS: dict[Format, str] = {
    "h5": KERAS_MODEL,
    "openvino": SERVING_GRAPH,
    "onnx": "model.onnx",
    "tflite": "model.tflite",
}
REPORT, REPORT_PAGE = "report.json", "report.html"
AUDIT, AUDIT_PAGE = "audit.json", "audit.html"
# What was said of each measured picture, and what was learned from: see `exports/outcomes.py`.
OUTCOMES, LEARNED = "outcomes.jsonl", "learned.sha256"
# Where the model looked on the report's mistakes.
EVIDENCE = "mistakes.json"

# All that can be in a draft before its manifest.
DRAFTED = {
    *EXPORTS.values(),
    *(SERVING_WEIGHTS, INT8_GRAPH, INT8_WEIGHTS),
    *(NEIGHBOURS, NEIGHBOURS_PICTURES),
    *(REPORT, REPORT_PAGE, AUDIT, AUDIT_PAGE, EVIDENCE, OUTCOMES, LEARNED),
}
