"""python bench/uploads.py: uploads per second and latency of Ocellus and of two peers, in one run.

Starts everything itself. Ours is the whole of it: Redis, web process, one inference worker; each
picture is checked, stored, answered with its heat map and kept in the history. The peers are a Django
view with `model.predict` and LitServe with batching and a `tf.function`, each in the best of several
settings. All have the same ResNet50 (random weights, which cost the same), get the same bytes, every
upload another content hash, and take turns on the same cores. Medians of the rounds count.

`--profile` measures ours alone and tells where an upload's time goes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, too

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bench import groups, systems
from bench.client import Load, percentile, send, warm_up
from bench.machine import describe
from bench.photos import Photo, large_photo, small_photo
from bench.systems import Ours, Peer, Running
from bench.tables import parser, row, show
from bench.upload_profile import profile, profile_lines
from classifier.engines.hardware import num_cores
from tests.stack import Stack

CONCURRENCIES = (1, 16)
CASES = tuple(f"{size}_{number}" for size in ("small", "large") for number in CONCURRENCIES)
# What the design expects, beside LitServe.
TARGET_RATES = {"small_16": 3.5, "large_16": 4.0}
TARGET_LATENCIES = {"small_1": 0.5, "large_1": 0.5}
TUNING_SECONDS = 4.0

Start = Callable[[], AbstractContextManager[Running]]


@dataclass
class Measured:
    """What one system did in one case, over the rounds."""

    rates: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    client_cpu_ms: list[float] = field(default_factory=list)
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)  # by process group

    def add(self, load: Load, cpu_seconds: Mapping[str, float]) -> None:
        number = len(load.sent)
        self.rates.append(load.per_second)
        self.latencies_ms += load.latencies_ms
        self.client_cpu_ms.append(load.client_cpu_seconds / number * 1000)
        for name, seconds in cpu_seconds.items():
            self.cpu_ms.setdefault(name, []).append(seconds / number * 1000)


Results = dict[str, dict[str, Measured]]


def main() -> None:
    options = parser(__doc__ or "")
    options.add_argument("--rounds", type=int, default=3, help="how often each takes its turn")
    options.add_argument(
        "--seconds", type=float, default=8.0, help="how long each case is measured"
    )
    options.add_argument("--profile", action="store_true", help="ours alone, step by step")
    arguments = options.parse_args()
    photos = {"small": small_photo(), "large": large_photo()}
    with tempfile.TemporaryDirectory() as name, Stack(Path(name) / "installation") as stack:
        folder = Path(name)
        bundle = systems.write_resnet50(stack.data_dir / "bundles" / "resnet50")
        ours = Ours.install(stack, "resnet50")
        figures: dict[str, Any] = {
            "machine": describe(),
            "photos": {name: photo.describe() for name, photo in photos.items()},
            "seconds": arguments.seconds,
            "rounds": arguments.rounds,
        }
        if arguments.profile:
            figures |= profile(ours, photos, arguments.seconds)
            show(figures, _heading(figures) + profile_lines(figures), as_json=arguments.json)
            return
        peers = {
            peer.name: peer
            for candidates in (systems.litserve(bundle), systems.django_predict(bundle))
            for peer in [_tuned(candidates, photos, folder)]
        }
        figures["settings"] = {name: " ".join(peer.options) for name, peer in peers.items()}
        starts: dict[str, Start] = {
            "ours": ours.running,
            **{name: partial(peer.running, folder) for name, peer in peers.items()},
        }
        results = _measure(starts, photos, arguments.rounds, arguments.seconds)
        _check_ours(ours)
    figures |= {name: _figures(cases) for name, cases in results.items()}
    figures |= _verdicts(figures)
    show(figures, _lines(figures), as_json=arguments.json)


def _tuned(candidates: Sequence[Peer], photos: Mapping[str, Photo], folder: Path) -> Peer:
    """The candidate with the best rates at concurrency 16, both photos counted alike."""
    scores = {}
    for peer in candidates:
        with peer.running(folder) as running:
            try:
                warm_up(running.endpoint, [photos["small"]])
            except AssertionError as error:  # LitServe with two workers does not always answer
                print(f"Left out: {peer.name} {' '.join(peer.options)}: {error}", file=sys.stderr)
                continue
            rates = [
                send(running.endpoint, photo, concurrency=16, seconds=TUNING_SECONDS).per_second
                for photo in photos.values()
            ]
        scores[peer.options] = statistics.geometric_mean(rates)
    candidates = [peer for peer in candidates if peer.options in scores]
    return max(candidates, key=lambda peer: scores[peer.options])


def _measure(
    starts: Mapping[str, Start], photos: Mapping[str, Photo], num_rounds: int, seconds: float
) -> Results:
    results: Results = {name: {case: Measured() for case in CASES} for name in starts}
    for _ in range(num_rounds):
        for name, start in starts.items():
            with start() as running:
                warm_up(running.endpoint, list(photos.values()))
                for case in CASES:
                    size, concurrency = case.split("_")
                    before = groups.cpu_seconds_by_name(running.groups)
                    load = send(
                        running.endpoint,
                        photos[size],
                        concurrency=int(concurrency),
                        seconds=seconds,
                    )
                    after = groups.cpu_seconds_by_name(running.groups)
                    spent = {group: after[group] - before[group] for group in after}
                    results[name][case].add(load, spent)
    return results


def _check_ours(ours: Ours) -> None:
    """That every upload was really stored and explained: it is what the peers do not do."""
    rows = ours.stack.query(
        "SELECT count(*), count(DISTINCT content_sha256), count(DISTINCT picture_name) "
        "FROM predictions_prediction WHERE state = 'done'"
    )
    [(num_done, num_contents, num_pictures)] = rows
    if not num_done == num_contents == num_pictures == sum(ours.stack.states().values()):
        raise RuntimeError(f"Expected every upload to be stored and answered once: {rows}")
    [(why,)] = ours.stack.query("SELECT why FROM predictions_prediction ORDER BY id DESC LIMIT 1")
    if why in ("{}", {}):
        raise RuntimeError("Expected an explanation with every answer, found none.")


def _figures(cases: Mapping[str, Measured]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for case, measured in cases.items():
        figures[case] = round(statistics.median(measured.rates), 2)
        for percent in (50, 95):
            latency = percentile(measured.latencies_ms, percent)
            figures[f"{case}_p{percent}_ms"] = round(latency, 1)
        figures[f"{case}_rounds"] = [round(rate, 2) for rate in measured.rates]
        figures[f"{case}_cpu_ms"] = {
            name: round(statistics.median(spent), 2) for name, spent in measured.cpu_ms.items()
        }
        figures[f"{case}_client_cpu_ms"] = round(statistics.median(measured.client_cpu_ms), 2)
    return figures


def _verdicts(figures: Mapping[str, Any]) -> dict[str, Any]:
    ours, litserve, django = (figures[n] for n in ("ours", "litserve", "django_predict"))
    ratios, verdicts = {}, {}
    for case in CASES:
        latency = f"{case}_p50_ms"
        ratios[f"{case}_to_litserve"] = round(ours[case] / litserve[case], 2)
        ratios[f"{case}_to_django_predict"] = round(ours[case] / django[case], 2)
        ratios[f"{latency}_to_litserve"] = round(ours[latency] / litserve[latency], 2)
    targets: dict[str, float] = {}
    for case, target in TARGET_RATES.items():
        targets[f"{case}_to_litserve"] = target
        verdicts[f"{case}_to_litserve"] = ratios[f"{case}_to_litserve"] >= target
    for case, target in TARGET_LATENCIES.items():
        targets[f"{case}_p50_ms_to_litserve"] = target
        verdicts[f"{case}_p50_ms_to_litserve"] = ratios[f"{case}_p50_ms_to_litserve"] < target
    # The load generator works on the same cores; what it takes there, at worst.
    shares = [
        system[f"{case}_client_cpu_ms"] / 1000 * system[case] / num_cores()
        for system in (ours, litserve, django)
        for case in CASES
    ]
    return {
        "ratios": ratios,
        "targets": targets,
        "met": verdicts,
        "client_cpu_share": round(max(shares), 3),
    }


def _heading(figures: Mapping[str, Any]) -> list[str]:
    return [
        f"ResNet50 on {figures['machine']}",
        *(f"{name}: {text}" for name, text in figures["photos"].items()),
        "",
    ]


def _lines(figures: Mapping[str, Any]) -> list[str]:
    widths = (24, 12, 12, 12, 12)
    titles = ["", *(case.replace("_", " by ") for case in CASES)]
    names = {
        "ours": "Ocellus",
        "litserve": "LitServe",
        "django_predict": "Django, model.predict",
    }
    lines = [
        *_heading(figures),
        *(f"{names[name]}: {text}" for name, text in figures["settings"].items()),
        "",
        "Uploads per second, by photo and how many at a time",
        row(titles, widths),
        *(row([t, *(f"{figures[n][c]:.1f}" for c in CASES)], widths) for n, t in names.items()),
        "",
        "Latency in ms, p50 / p95",
        row(titles, widths),
    ]
    for name, title in names.items():
        system = figures[name]
        cells = [f"{system[f'{c}_p50_ms']:.0f} / {system[f'{c}_p95_ms']:.0f}" for c in CASES]
        lines.append(row([title, *cells], widths))
    lines += ["", "Processor time in ms per upload", row(titles, widths)]
    for name, title in names.items():
        cells = [f"{sum(figures[name][f'{c}_cpu_ms'].values()):.1f}" for c in CASES]
        lines.append(row([title, *cells], widths))
    share = figures["client_cpu_share"]
    lines += [f"The load generator took at most {share:.1%} of the processor.", ""]
    for key, target in figures["targets"].items():
        is_latency = "ms" in key
        lines.append(
            f"ours, {key.replace('_', ' ')}: {figures['ratios'][key]:.2f} times; target "
            f"{'under' if is_latency else 'at least'} {target}, "
            f"{'met' if figures['met'][key] else 'missed'}"
        )
    return lines


if __name__ == "__main__":
    main()
