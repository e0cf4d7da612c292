"""What a figure was measured on."""

import os
from pathlib import Path

INSTRUCTION_SETS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
)


def instruction_sets() -> list[str]:
    """Those of INSTRUCTION_SETS that this processor has, by Linux' names; empty elsewhere."""
    return [name for name in INSTRUCTION_SETS if name in _cpuinfo("flags").split()]


def describe() -> str:
    """One line: processor, cores, instruction sets."""
    cores = len(os.sched_getaffinity(0))
    sets = ", ".join(instruction_sets()) or "unknown instruction sets"
    return f"{_cpuinfo('model name') or 'unknown processor'}, {cores} cores, {sets}"


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")
