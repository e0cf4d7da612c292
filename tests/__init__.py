"""The tests, in the folders of the rooms they are about."""

import classifier  # noqa: F401 before OpenVINO: it keeps OpenVINO and NNCF from reporting to their makers
