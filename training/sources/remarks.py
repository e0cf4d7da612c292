"""What a source has passed over, for the curator; its sentences are those of `dataset/findings.py`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Remark:
    """`code` of its kind, how many there are, and their `names` or the list `file` that named them."""

    code: str
    num: int
    names: tuple[str, ...] = ()
    file: str = ""
