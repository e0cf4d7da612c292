"""python -m classifier BUNDLE PICTURE...: the answers of a bundle, without the web application."""

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from classifier.answering import Outcome, answer_pictures
from classifier.bundle import Bundle
from classifier.engines.base import open_engine
from classifier.errors import BundleError, InvalidImage
from classifier.preprocess import read_input


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when every picture was answered, 1 when one failed, 2 for the bundle."""
    options = _parser().parse_args(arguments)
    try:
        engine = open_engine(Bundle.load(options.bundle), precision=options.precision)
    except BundleError as error:
        print(error, file=sys.stderr)
        return 2
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may be any bytes; what is no text is printed escaped, in JSON too.
        sys.stdout.reconfigure(errors="backslashreplace")
    image_size = engine.bundle.manifest.image_size
    num_failed = 0
    for picture, outcome in answer_pictures(
        engine, options.pictures, lambda path: read_input(path, image_size), top_k=options.top
    ):
        num_failed += isinstance(outcome, InvalidImage)
        print(
            _as_json(picture, outcome) if options.json else _as_text(picture, outcome), flush=True
        )
    return 1 if num_failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m classifier", description="Say what is on pictures, with a trained bundle."
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that training wrote")
    parser.add_argument("pictures", type=Path, nargs="+", metavar="PICTURE")
    parser.add_argument("--top", type=_positive, default=5, help="how many classes to list (5)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), help="instead of the one that the bundle records"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, received {text}")
    return number


def _as_json(picture: Path, outcome: Outcome) -> str:
    if isinstance(outcome, InvalidImage):
        status, label, confidence, top, error = "failed", None, None, [], str(outcome)
    else:
        status, label, confidence, error = "done", outcome.label, outcome.confidence, None
        top = [{"label": r.label, "probability": r.probability} for r in outcome.top]
    return json.dumps(
        {
            "picture": str(picture),
            "status": status,
            "label": label,
            "confidence": confidence,
            "top": top,
            "error": error,
        },
        ensure_ascii=False,
    )


def _as_text(picture: Path, outcome: Outcome) -> str:
    if isinstance(outcome, InvalidImage):
        return f"{picture}: failed: {outcome}"
    ranked = ", ".join(f"{r.label} {r.probability:.1%}" for r in outcome.top)
    return f"{picture}: {ranked}"


if __name__ == "__main__":
    sys.exit(main())
