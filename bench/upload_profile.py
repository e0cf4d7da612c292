"""Where the time of an upload goes, in ours: what `python bench/uploads.py --profile` prints.

Three views of it. What each step costs alone, with nothing waiting for anything. What processor time
each process takes for an upload under load, from /proc: their sum is what the cores allow at most.
And what the worker's own metrics say under load, where steps wait for cores and for each other.
"""

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench import groups
from bench.client import percentile, send, warm_up
from bench.photos import Photo
from bench.systems import Ours
from bench.tables import row
from classifier.engines.hardware import num_cores
from tests.stack import ROOT

WORKER_STEPS = ("claim", "decode", "engine", "write")
PROCESSES = ("client", "web", "redis", "inference")


def profile(ours: Ours, photos: Mapping[str, Photo], seconds: float) -> dict[str, Any]:
    """`steps` of an upload alone, and `cases` under load: `small_1` and so on."""
    stack = ours.stack
    token = secrets.token_urlsafe(16)
    stack.environment["OCELLUS_METRICS_TOKEN"] = token
    stack.start("redis")
    steps = subprocess.run(
        [sys.executable, "-m", "bench.upload_steps", ours.api_key],
        cwd=ROOT,
        env=stack.environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    stack.stop("redis")
    cases = {}
    with ours.running() as running:
        warm_up(running.endpoint, list(photos.values()))
        for size, photo in photos.items():
            for concurrency in (1, 16):
                cpu_before = groups.cpu_seconds_by_name(running.groups)
                before = _metrics(stack.port, token)
                load = send(running.endpoint, photo, concurrency=concurrency, seconds=seconds)
                after = _metrics(stack.port, token)
                cpu_after = groups.cpu_seconds_by_name(running.groups)
                number = len(load.sent)
                cpu_ms = {"client": load.client_cpu_seconds / number * 1000} | {
                    name: (cpu_after[name] - cpu_before[name]) / number * 1000 for name in cpu_after
                }
                total_ms = sum(cpu_ms.values())
                cases[f"{size}_{concurrency}"] = {
                    "uploads_per_second": round(load.per_second, 1),
                    "p50_ms": round(percentile(load.latencies_ms, 50), 1),
                    "cpu_ms": {name: round(spent, 2) for name, spent in cpu_ms.items()},
                    "cores_busy": round(total_ms * load.per_second / 1000, 2),
                    "limit_per_second": round(num_cores() * 1000 / total_ms, 1),
                    **_worker(before, after),
                }
    return {"steps": json.loads(steps), "cases": cases}


def _metrics(port: int, token: str) -> dict[str, float]:
    """Every sample of /metrics, by name; of labels only the step."""
    response = httpx.get(
        f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    response.raise_for_status()
    samples: dict[str, float] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            name = f"{sample.name} {sample.labels.get('step', '')}".strip()
            samples[name] = samples.get(name, 0.0) + sample.value
    return samples


def _worker(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, Any]:
    """What the worker counted meanwhile, for each picture that it answered."""

    def more(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    number = more("ocellus_batch_size_sum")
    return {
        "worker_ms": {
            step: round(more(f"ocellus_step_seconds_sum {step}") / number * 1000, 2)
            for step in WORKER_STEPS
        },
        "batch_size": round(number / more("ocellus_batch_size_count"), 1),
        "queue_ms": round(
            more("ocellus_queue_seconds_sum") / more("ocellus_queue_seconds_count") * 1000, 1
        ),
    }


def profile_lines(figures: Mapping[str, Any]) -> list[str]:
    widths = (24, 12, 12, 12, 12)
    lines = ["One upload alone, ms (and of the processor)"]
    for size, sides in figures["steps"].items():
        for side in ("web", "worker"):
            at_a_time = f", {sides['batch_size']} at a time" if side == "worker" else ""
            lines += [
                "",
                row([f"{size} photo, {side}{at_a_time}", "ms", "processor"], (34, 10, 10)),
            ]
            steps = sides[side]
            for name, cost in steps.items():
                lines.append(row([name, cost["ms"], cost["cpu_ms"]], (34, 10, 10)))
            sums = [round(sum(cost[key] for cost in steps.values()), 1) for key in ("ms", "cpu_ms")]
            lines.append(row(["together", *sums], (34, 10, 10)))
    cases = figures["cases"]
    lines += ["", "Under load, by photo and how many at a time", ""]
    lines.append(row(["", *(case.replace("_", " by ") for case in cases)], widths))

    def add(title: str, values: list[object]) -> None:
        lines.append(row([title, *values], widths))

    add("uploads a second", [case["uploads_per_second"] for case in cases.values()])
    add("p50, ms", [case["p50_ms"] for case in cases.values()])
    for name in PROCESSES:
        add(f"processor, {name}, ms", [case["cpu_ms"][name] for case in cases.values()])
    add("cores busy", [case["cores_busy"] for case in cases.values()])
    add("the cores' limit, a second", [case["limit_per_second"] for case in cases.values()])
    add("waits in the queue, ms", [case["queue_ms"] for case in cases.values()])
    add("pictures in a batch", [case["batch_size"] for case in cases.values()])
    for step in WORKER_STEPS:
        add(f"worker, {step}, ms", [case["worker_ms"][step] for case in cases.values()])
    return lines
