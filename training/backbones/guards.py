"""What the libraries that write and read exports raise and print, made one of two errors and quiet."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import ExportRefused


@contextmanager
def refused_as(name: str) -> Iterator[None]:
    """`told_as`, and quiet: without the warnings about the tracers' own internals and about HDF5 being
    a legacy format, ours and those through the loggers of absl, TensorFlow and tf2onnx.

    For one thread at a time: warnings and loggers are the process's.
    """
    loggers = [logging.getLogger(logger) for logger in ("absl", "tensorflow", "tf2onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), told_as(name):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def told_as(name: str) -> Iterator[None]:
    """What a converter or a runtime raises is of any type; a full disk stays what it is."""
    try:
        yield
    except (ExportRefused, OSError):
        raise
    except Exception as error:
        problem = (str(error) or type(error).__name__).strip().splitlines()[0][:300]
        raise ExportRefused("failed", format=name, problem=problem) from error


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """OSError where HDF5 and OpenVINO raise a RuntimeError because they could not write."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(f"{path.name} could not be written: {error}") from error
