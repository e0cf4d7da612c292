"""Running out of memory, said as the setting to lower."""

from collections.abc import Iterator
from contextlib import contextmanager

from training.errors import OutOfMemory


@contextmanager
def naming_the_setting(*, batch_size: int, image_size: int) -> Iterator[None]:
    """Within the block, running out of memory raises OutOfMemory. Processor or GPU, any backend."""
    try:
        yield
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        code = "batch" if batch_size > 1 else "picture"
        raise OutOfMemory(code, batch_size=batch_size, image_size=image_size) from error


def _is_out_of_memory(error: Exception) -> bool:
    """By name: the backends' own classes could only be had by importing them.

    TensorFlow raises ResourceExhaustedError; JAX a runtime error whose text begins with the status.
    """
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "ResourceExhaustedError"
        or "RESOURCE_EXHAUSTED" in str(error)
    )
