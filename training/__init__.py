"""TEACHES: a labelled folder in, a model bundle out. No Django."""

import classifier  # noqa: F401 before OpenVINO: it keeps OpenVINO and NNCF from reporting to their makers
