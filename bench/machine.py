"""What a figure was measured on."""

from pathlib import Path

from classifier.engines.hardware import instruction_sets, num_cores

TOLD_SETS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
)


def told_sets() -> list[str]:
    """Those of TOLD_SETS that this processor has."""
    return [name for name in TOLD_SETS if name in instruction_sets()]


def describe() -> str:
    """One line: processor, cores, instruction sets."""
    processor = next(iter(cpuinfo("model name")), "unknown processor")
    sets = ", ".join(told_sets()) or "unknown instruction sets"
    return f"{processor}, {num_cores()} cores, {sets}"


def cpuinfo(key: str) -> list[str]:
    """What Linux says of each core at this moment; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(key)]
