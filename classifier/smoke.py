"""python -m classifier.smoke BUNDLE: load a bundle and let it answer once, before it may go live."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from classifier.answering import Answerer, open_answerer
from classifier.bundle import Bundle
from classifier.engines.base import Device
from classifier.engines.checks import noise
from classifier.errors import BundleCorrupt, ClassifierError, EngineError


def smoke_test(answerer: Answerer) -> None:
    """Two pictures of noise are answered with finite numbers, or a BundleError says why not.

    Raises EngineError where it is not the bundle's fault.
    """
    try:
        answerer.answer(noise(answerer.bundle, 2))
    except EngineError:
        raise
    except (RuntimeError, ValueError) as error:
        path = answerer.bundle.path
        raise BundleCorrupt("graph_unreadable", path=path, problem=error) from error


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m classifier.smoke",
        description="Load a bundle and let it answer once; says why not, where it does not.",
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("--device", choices=get_args(Device), default="auto", help="auto")
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="leave what makes the next start quick there"
    )
    options = parser.parse_args(arguments)
    try:
        bundle = Bundle.load(options.bundle)
        smoke_test(open_answerer(bundle, device=options.device, cache_dir=options.cache))
    except ClassifierError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
