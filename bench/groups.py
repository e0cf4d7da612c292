"""What a process and the children it started take: processor time and memory, from /proc.

A group is named by its leader's id: each system under test is started as the leader of its own.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def pids(leader: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == leader:
                yield int(folder.name)
        except ProcessLookupError:
            continue  # it ended meanwhile


def cpu_seconds(leader: int) -> float:
    """Processor time of the group so far, the kernel's work for it included.

    Children that ended are counted with the parent that waited for them.
    """
    ticks = 0
    for pid in pids(leader):
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            continue
        # The name in brackets may hold anything; what follows it is numbers.
        fields = text.rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS_PER_SECOND


def cpu_seconds_by_name(leaders: Mapping[str, int]) -> dict[str, float]:
    return {name: cpu_seconds(leader) for name, leader in leaders.items()}


def memory_mb(leader: int) -> dict[int, dict[str, float]]:
    """Of each process of the group, by its id: `rss` counts shared pages fully, `pss` divides them
    among their users; in MB."""
    memory = {}
    for pid in pids(leader):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        kilobytes = {line.split(":")[0]: line.split()[1] for line in lines[1:]}
        memory[pid] = {name: int(kilobytes[name.capitalize()]) / 1024 for name in ("rss", "pss")}
    return memory
