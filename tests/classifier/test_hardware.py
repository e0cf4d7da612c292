"""classifier.engines.hardware: what Linux says of the machine, without any library."""

from pathlib import Path

import pytest

from classifier.engines import hardware
from classifier.engines.hardware import has_int8, has_nvidia


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for /dev."""
    monkeypatch.setattr(hardware, "_NVIDIA", (f"{tmp_path}/nvidia[0-9]*",))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


def test_a_device_file_tells_of_an_nvidia_gpu(devices: Path) -> None:
    assert not has_nvidia()
    (devices / "nvidiactl").touch()  # the driver alone
    assert not has_nvidia()
    (devices / "nvidia0").touch()
    assert has_nvidia()


@pytest.mark.parametrize(("value", "expected"), [("", False), ("-1", False), ("0", True)])
def test_a_gpu_that_is_hidden_from_the_process_is_none(
    devices: Path, monkeypatch: pytest.MonkeyPatch, value: str, expected: bool
) -> None:
    (devices / "nvidia0").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert has_nvidia() is expected


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ({"avx2", "avx512f"}, False),
        ({"avx2", "avx_vnni"}, True),
        ({"avx512f", "avx512_vnni"}, True),
        ({"asimd", "asimddp"}, True),
        (set(), False),
    ],
)
def test_int8_needs_dot_products_of_bytes(
    monkeypatch: pytest.MonkeyPatch, sets: set[str], expected: bool
) -> None:
    monkeypatch.setattr(hardware, "instruction_sets", lambda: frozenset(sets))
    assert has_int8() is expected
