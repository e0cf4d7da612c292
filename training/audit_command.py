"""python -m training audit SOURCE: what there is to know of labelled pictures before training on them."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from training.auditing import audit_source
from training.config import TrainingConfig
from training.console import progress_bar
from training.errors import TrainingError


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 when nothing blocks a training, 1 when something does, 2 for no such source."""
    options = vars(_parser().parse_args(arguments))
    as_json, out = options.pop("json"), options.pop("out")
    cache = None if options.pop("no_cache") else options.pop("cache")
    options.pop("cache", None)
    try:
        with tempfile.TemporaryDirectory() as scratch, progress_bar() as on_event:
            config = TrainingConfig(
                out=Path(scratch) / "bundle", cache=cache, mode="head", **options
            )
            audit = audit_source(config, on_event, out=out)
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"Expected to write the audit, but: {error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; nothing was written.", file=sys.stderr)
        return 130
    content = audit.to_dict()
    if as_json:
        print(json.dumps(content, ensure_ascii=False))
    else:
        for finding in content["findings"]:
            print(f"{finding['level']:<7} {finding['sentence']} {finding['fix']}".rstrip())
            for item in finding["items"][:5]:
                print(f"        {' = '.join(item['paths'])}  {item['note']}".rstrip())
        verdict = "Something blocks a training." if content["blocks"] else "Nothing blocks."
        print(f"{content['num_examples']} of {content['num_files']} files can be used. {verdict}")
        if out:
            print(out / "audit.html")
    return 1 if content["blocks"] else 0


def _parser() -> argparse.ArgumentParser:
    from training.__main__ import add_network_options

    parser = argparse.ArgumentParser(
        prog="python -m training audit", description="Look at labelled pictures before training."
    )
    parser.add_argument("folder", type=Path, metavar="SOURCE", help="as for a training")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write audit.json and audit.html there"
    )
    parser.add_argument("--json", action="store_true", help="everything as a line on stdout")
    add_network_options(parser)
    parser.add_argument("--head", choices=("auto", "softmax", "sigmoid"), default="auto")
    parser.add_argument("--val-fraction", type=float, default=TrainingConfig.val_fraction)
    parser.add_argument("--test-fraction", type=float, default=TrainingConfig.test_fraction)
    return parser
