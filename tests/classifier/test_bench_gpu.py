"""bench/gpu.py, as far as that goes without a GPU."""

import sys

import pytest

from bench import gpu
from classifier.engines.keras import gpu_problem


def test_without_a_gpu_it_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if gpu_problem() is None:
        pytest.skip("TensorFlow sees a GPU here")
    monkeypatch.setattr(sys, "argv", ["bench/gpu.py"])
    with pytest.raises(SystemExit) as caught:
        gpu.main()
    assert "No GPU that TensorFlow sees" in str(caught.value.code)  # text: printed, and 1 returned
    assert capsys.readouterr().out == ""
