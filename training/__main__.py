"""python -m training SOURCE --out BUNDLE, and python -m training audit SOURCE: without the web application."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from classifier.errors import BundleExists
from training.config import BACKBONE_NAMES, FORMATS, TrainingConfig
from training.console import progress_bar
from training.errors import TrainingError
from training.run import TrainingResult, train

DEFAULTS = TrainingConfig(Path(), Path())


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 with a bundle written, 2 when the input is refused, 130 when interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's own chatter is not the user's
    logging.basicConfig(level=logging.WARNING)
    if given[:1] == ["audit"]:
        from training.audit_command import main as audit

        return audit(given[1:])
    options = vars(_parser().parse_args(given))
    as_json = options.pop("json")
    options["formats"] = tuple(dict.fromkeys((*DEFAULTS.formats, *options["formats"])))
    options["cache"] = None if options.pop("no_cache") else options["cache"]
    try:
        with progress_bar() as on_event:
            result = train(TrainingConfig(**options), on_event)
    except (TrainingError, BundleExists) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"Expected to write {options['out']}, but: {error}. No bundle was written. Make room and "
            "run the same command again; it goes on from its last checkpoint, if there is one.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(
            "Stopped; no bundle was written. Run the same command again to go on.", file=sys.stderr
        )
        return 130
    for finding in result.findings:
        print(f"Note: {finding.note}", file=sys.stderr)
    print(_as_json(result) if as_json else _as_text(result))
    return 0


def default_cache() -> Path:
    """Where features are kept unless the command says otherwise."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ocellus"


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """The options that say which network looks at the pictures, and where what it saw is kept."""
    parser.add_argument("--backbone", choices=BACKBONE_NAMES, default=DEFAULTS.backbone)
    parser.add_argument(
        "--weights", default="imagenet", metavar="imagenet|none|FILE", help="(imagenet)"
    )
    parser.add_argument("--image-size", type=int, default=224, help="pixels a side (224)")
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), metavar="FOLDER", help="(%(default)s)"
    )
    parser.add_argument("--no-cache", action="store_true", help="keep no features for the next run")
    parser.add_argument("--seed", type=int, default=0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train a recognizer on labelled pictures. "
        "`python -m training audit SOURCE` only looks at them.",
    )
    parser.add_argument(
        "folder",
        type=Path,
        metavar="SOURCE",
        help="a folder of class folders (or train/ val/ [test/] with those), a ZIP of one, a CSV file "
        "with the columns path,label[,split], or a folder in the layout of CUB-200-2011",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    add_network_options(parser)
    parser.add_argument(
        "--mode",
        choices=("head", "fine-tune", "scratch"),
        help="head: the backbone stays as it is; fine-tune: its layers go on learning, too; "
        "scratch: all layers learn from random weights (head; scratch with --weights none)",
    )
    parser.add_argument("--outliers", type=Path, metavar="FOLDER", help="pictures of other things")
    parser.add_argument("--folds", type=int, default=0, help="also the accuracy over so many folds")
    parser.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=(), help="besides h5 and openvino"
    )
    parser.add_argument(
        "--no-int8",
        action="store_false",
        dest="int8",
        help="do not try whether it may be served in int8, which takes seconds",
    )
    parser.add_argument("--json", action="store_true", help="the result as a last line on stdout")
    head = parser.add_argument_group("the head")
    head.add_argument("--head", choices=("auto", "softmax", "sigmoid"), default="auto")
    head.add_argument("--mirrored", action="store_true", help="learn from mirror images, too")
    head.add_argument("--crops", type=int, default=0, help="random crops of each picture (0)")
    head.add_argument("--penalty", type=float, help="inverse strength (cross-validation chooses)")
    head.add_argument("--balance", action="store_true", help="every class counts the same")
    layers = parser.add_argument_group("layers of the backbone (fine-tune, scratch)")
    layers.add_argument("--layers", choices=("top", "all"), default="top")
    layers.add_argument("--epochs", type=int, default=DEFAULTS.epochs, help="at most (%(default)s)")
    layers.add_argument("--patience", type=int, default=DEFAULTS.patience, help="(%(default)s)")
    layers.add_argument("--batch-size", type=int, default=DEFAULTS.batch_size, help="(%(default)s)")
    layers.add_argument("--learning-rate", type=float, help="at its peak (what suits the mode)")
    layers.add_argument("--label-smoothing", type=float, default=DEFAULTS.label_smoothing)
    layers.add_argument("--augmentation", choices=("none", "light", "strong"), default="light")
    layers.add_argument("--mixed-precision", choices=("auto", "on", "off"), default="auto")
    layers.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=DEFAULTS.checkpoint_seconds,
        help="(%(default)s)",
    )
    splits = parser.add_argument_group("the source: splits, where it leaves them open, and limits")
    splits.add_argument("--val-fraction", type=float, default=DEFAULTS.val_fraction)
    splits.add_argument("--test-fraction", type=float, default=DEFAULTS.test_fraction)
    splits.add_argument(
        "--max-archive-bytes",
        type=int,
        default=DEFAULTS.max_archive_bytes,
        help="of a ZIP, unpacked",
    )
    splits.add_argument(
        "--max-archive-files", type=int, default=DEFAULTS.max_archive_files, help="in a ZIP"
    )
    return parser


def _as_json(result: TrainingResult) -> str:
    metrics = result.metrics
    return json.dumps(
        {
            "bundle": str(result.bundle.path),
            "classes": list(result.bundle.manifest.class_names),
            "num_train": result.num_train,
            "num_val": result.num_val,
            "val_top1": metrics.get("val_top1"),
            "val_top5": metrics.get("val_top5"),
            "seconds": result.seconds,
            "num_test": result.num_test,
            "mode": metrics["mode"],
            "measured_on": metrics["measured_on"],
            "metrics": metrics,
        },
        ensure_ascii=False,
    )


def _as_text(result: TrainingResult) -> str:
    metrics, manifest = result.metrics, result.bundle.manifest
    split = metrics["measured_on"]
    figure, name = ("top1", "top-1") if manifest.head == "softmax" else ("macro_f1", "macro F1")
    low, high = metrics["intervals"].get(figure, (None, None))
    interval = f" (95 %: {low:.1%} to {high:.1%})" if low is not None else ""
    measured = "test" if split == "test" else "validation"
    lines = [
        f"{result.bundle.path}: {len(manifest.class_names)} classes",
        f"pictures: train {result.num_train}, validation {result.num_val}, test {result.num_test}",
        f"{name} on {measured}: {metrics[f'{split}_{figure}']:.1%}{interval}",
    ]
    if metrics["folds"]:
        accuracies = metrics["folds"]["accuracies"]
        mean = sum(accuracies) / len(accuracies)
        lines.append(f"over {len(accuracies)} folds: {mean:.1%}")
    lines.append(f"{result.seconds['total']:.1f} s; {result.bundle.path / 'report.html'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
