"""The web process and the inference worker on a processor never import TensorFlow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import picture_bytes
from tests.stack import ROOT, Stack
from tests.waiting import wait_for

HEAVY = ("tensorflow", "keras", "sklearn", "scipy")
WEB = """
from webapp.wsgi import application
from django.urls import get_resolver
assert get_resolver().url_patterns
"""
INFERENCE = """
import django; django.setup()
from webapp.celery import app
app.loader.import_default_modules()
import webapp.ops.reconciler, webapp.predictions.answering
from classifier.engines.openvino import OpenVinoEngine
"""


def imported_after(code: str, *names: str) -> list[str]:
    """Which of these modules a fresh interpreter has imported once it has run the code."""
    report = f"import sys, json; print(json.dumps([m for m in {names!r} if m in sys.modules]))"
    output = subprocess.run(
        [sys.executable, "-c", code + report],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found: list[str] = json.loads(output.splitlines()[-1])
    return found


@pytest.mark.parametrize("code", [WEB, INFERENCE], ids=["web", "inference"])
def test_nothing_heavy_is_imported(code: str) -> None:
    assert imported_after(code, *HEAVY) == []


@pytest.mark.slow
def test_the_web_process_imports_no_engine_either() -> None:
    assert imported_after(WEB, "openvino") == []
    assert imported_after(INFERENCE, "openvino") == ["openvino"]  # so that this can tell


@pytest.mark.slow
def test_running_processes_have_mapped_no_library_of_tensorflow(colours: Stack) -> None:
    """The running processes themselves, after they have answered."""
    colours.start("redis", "web", "inference")
    with colours.signed_in("ada") as ada:
        ada.upload(("red.jpg", picture_bytes()))
        wait_for(lambda: colours.states() == {"done": 1}, what="the answer")
    maps = {name: _maps_of_group(colours.pid(name)) for name in ("web", "inference")}
    assert "/site-packages/openvino/" in maps["inference"]
    for name, text in maps.items():
        assert "/site-packages/tensorflow/" not in text, name


def _maps_of_group(leader: int) -> str:
    """What a process and its children have mapped into memory."""
    texts = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == leader:
                texts.append((folder / "maps").read_text())
        except (ProcessLookupError, FileNotFoundError):
            continue  # it ended meanwhile
    assert texts
    return "".join(texts)
