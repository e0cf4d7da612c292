"""What this machine has, found out without loading a library for it."""

import hashlib
import os
from functools import cache
from pathlib import Path

# Dot products of bytes, by Linux' names. Without them OpenVINO multiplies in pairs that saturate at
# 16 bits, and a network answers otherwise than where it was judged.
_INT8_SETS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
_NVIDIA = ("/proc/driver/nvidia/gpus/*", "/dev/nvidia[0-9]*", "/dev/dxg")  # the last: in WSL


def has_int8() -> bool:
    """Whether this processor has dot products of bytes. False where Linux does not say."""
    return not _INT8_SETS.isdisjoint(instruction_sets())


def has_nvidia() -> bool:
    """Whether there is an NVIDIA device that this process may use, whatever TensorFlow makes of it."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    return any(True for pattern in _NVIDIA for _ in Path("/").glob(pattern[1:]))


def num_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def instructions_key() -> str:
    """Differs between processors of other instructions, which may go by the same name in a cloud."""
    return hashlib.sha256(" ".join(sorted(instruction_sets())).encode()).hexdigest()[:16]


@cache
def instruction_sets() -> frozenset[str]:
    """This processor's, by Linux' names (`avx512_vnni`); empty where Linux does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):  # x86, ARM
            return frozenset(value.split())
    return frozenset()
