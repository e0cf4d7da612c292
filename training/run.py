"""A training run from the source to the bundle. Read `train` from top to bottom."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from classifier.bundle import (
    NEIGHBOURS_PICTURES,
    Bundle,
    Manifest,
    new_bundle,
    refuse_existing,
)
from classifier.errors import gettext_noop
from classifier.neighbours import NEIGHBOURS
from training.config import TrainingConfig
from training.dataset.findings import Finding
from training.dataset.preparing import Prepared, prepare_for
from training.errors import DatasetRefused
from training.events import Event, OnEvent, StepClock
from training.workplace import Workplace, workplace

# Why the labels of a training from scratch are not checked.
TAUGHT = gettext_noop("a backbone that learned from these very labels would confirm them.")
RECORDED_VERSIONS = (
    "keras",
    "tensorflow",
    "openvino",
    "numpy",
    "scikit-learn",
    "scipy",
    "nncf",
    "Pillow",
)


@dataclass(frozen=True)
class TrainingResult:
    """A finished run: its bundle, and what it said on the way."""

    bundle: Bundle
    num_train: int
    num_val: int
    num_test: int
    metrics: dict[str, Any]
    findings: tuple[Finding, ...]
    seconds: dict[str, float]


def train(config: TrainingConfig, on_event: OnEvent = lambda event: None) -> TrainingResult:
    """A bundle at `config.out`, trained on what lies at `config.folder`.

    `on_event` is called from this thread, after each step of a training at least, and what it raises
    stops the run. Nothing is left at `config.out` unless the run succeeds. A run that was killed
    goes on from its last checkpoint when it is started again with the same settings. Raises
    TrainingError, BundleExists, and OSError when the disk will not take the bundle.
    """
    refuse_existing(config.out)
    if config.outliers and not config.outliers.is_dir():  # not after hours
        raise DatasetRefused("no_outliers", path=config.outliers)
    # Where that fails, it does before the work.
    config.out.parent.mkdir(parents=True, exist_ok=True)
    clock = StepClock(on_event)
    with workplace(config) as place:
        # Read and audit: what cannot be used is refused before the libraries below are imported.
        prepared = prepare_for(config, place, clock)
        prepared.audit.raise_if_blocked()
        return _learn(config, prepared, place, clock)


def _learn(
    config: TrainingConfig, prepared: Prepared, place: Workplace, clock: StepClock
) -> TrainingResult:
    # scikit-learn and OpenVINO take a second, Keras and TensorFlow several and half a gigabyte.
    from training.backbones.network import open_network
    from training.head.labels import check_labels, without_leaks
    from training.head.learning import (
        SCRATCH_PENALTY,
        accuracy_over_folds,
        compute_views,
        head_kind,
        learn_head,
    )

    kind = head_kind(config, prepared.examples)
    mode = config.real_mode

    # A backbone; all of its layers learn where no pretrained weights have taught them anything.
    curves = []
    if mode == "scratch":
        from training.layers.tuning import network_from_scratch

        network, curve = network_from_scratch(config, prepared, kind, place, clock)
        curves.append(curve)
    else:
        with clock.step("backbone"):
            network = open_network(
                config.backbone,
                image_size=config.image_size,
                weights=config.weights,
                seed=config.seed,
                graphs=place.graphs,
            )

    # Features, and what only they show: near duplicates that the eye sees and the hash does not.
    with clock.step("features") as on_progress:
        features = compute_views(
            network,
            prepared,
            config,
            place,
            on_progress,
            on_missing=lambda num: clock.tell(Event("features", 0.0, {"num_pictures": num})),
        )
        if mode != "scratch":
            prepared, features = without_leaks(prepared, features)
            prepared.audit.raise_if_blocked()  # all of a split's pictures may have been leaks
    examples, alike = prepared.examples, prepared.alike()

    with clock.step("head"):
        head_only = learn_head(
            "scratch" if mode == "scratch" else "head",
            network,
            examples,
            features,
            alike,
            kind,
            config,
            penalty=SCRATCH_PENALTY if mode == "scratch" else None,
            on_fold=lambda fold, num_folds, loss, right: clock.tell(
                Event(
                    "head",
                    fold / num_folds,
                    {
                        "fold": fold,
                        "num_folds": num_folds,
                        "val_loss": loss,
                        "val_accuracy": right,
                    },
                )
            ),
        )

    with clock.step("labels"):
        folds = None
        if config.folds:
            folds = accuracy_over_folds(examples, features, alike, kind, config, head_only.penalty)
        if mode == "scratch":  # which was taught the wrong labels, too
            prepared = prepared.with_findings(Finding("unchecked", params={"reason": TAUGHT}))
        else:
            prepared = check_labels(prepared, features[0], alike, kind, config, head_only.penalty)

    # Fine-tuning; what it makes takes the place of the head alone only where it is better.
    candidates = [head_only]
    if mode == "fine-tune":
        from training.layers.tuning import fine_tuned

        tuned, curve = fine_tuned(config, head_only, prepared, alike, kind, place, clock)
        candidates.append(tuned)
        curves.append(curve)
    kept = candidates[-1] if candidates[-1].is_better_than(head_only) else head_only

    # The backbone in int8, which is served if it answers as well.
    with clock.step("quantize") as on_progress:
        from training.backbones.quantized import int8_forget, int8_network

        int8 = int8_network(config, prepared, kept.network, on_progress, graphs=place.graphs)

    with clock.step("evaluate") as on_progress:
        from training.evaluation.judging import judge

        judged = judge(config, prepared, kept, int8, kind, place, on_progress)
        if not isinstance(int8, str) and judged.precision.precision != "int8":
            int8_forget(kept.network, examples, graphs=place.graphs)

    # The steps end before the bundle gets its name, so that whoever stops the run there has none.
    from training.exports.int8 import write_int8
    from training.exports.outcomes import write_learned, write_outcomes
    from training.exports.serving import serving_graph
    from training.exports.thumbnails import write_thumbnails
    from training.pages.evidence import write_evidence
    from training.pages.reporting import report_of, write_audit, write_report

    with new_bundle(config.out) as draft:
        # Keras loads and traces on one core; the other one proves the graph in int8 meanwhile.
        with clock.step("export"), ThreadPoolExecutor(max_workers=1) as beside:
            int8_proved = None
            if judged.precision.precision == "int8":
                int8_proved = beside.submit(
                    write_int8,
                    draft.folder,
                    serving_graph(judged.network.graph, kept.head),
                    prepared.pictures.batches(judged.proof_rows, 32),
                )
            from training.exports.graphs import keras_model
            from training.exports.proof import write_exports

            agreements = write_exports(
                draft.folder,
                keras_model(kept.network.model, kept.head, kept.temperature, kind),
                serving_graph(kept.network.graph, kept.head),
                prepared.pictures.batches(judged.proof_rows, 32),
                head=kind,
                temperature=kept.temperature,
                formats=config.formats,
            )
            if int8_proved:
                int8_proved.result()
        with clock.step("write") as on_progress:
            offsets = write_thumbnails(
                draft.folder / NEIGHBOURS_PICTURES,
                prepared.pictures,
                judged.neighbour_rows,
                on_progress,
            )
            replace(judged.neighbours, offsets=offsets).save(draft.folder / NEIGHBOURS)
            metrics = judged.metrics | {
                "mode": kept.name,
                "penalty": kept.penalty,
                "folds": asdict(folds) if folds else None,
                "exports": {name: asdict(agreement) for name, agreement in agreements.items()},
            }
            manifest = Manifest(
                class_names=examples.class_names,
                head=kind,
                backbone=config.backbone,
                image_size=config.image_size,
                temperature=kept.temperature,
                thresholds=kept.thresholds,
                precision=judged.precision.precision,
                fallbacks=judged.precision.fallbacks,
                outliers=asdict(judged.rule),
                seed=config.seed,
                dataset_fingerprint=examples.fingerprint,
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
                metrics=metrics,
                config=config.to_dict(),
                versions={name: version(name) for name in RECORDED_VERSIONS},
            )
            report = report_of(
                manifest,
                prepared,
                judged,
                candidates=candidates,
                kept=kept,
                folds=folds,
                curves=curves,
                seconds=clock.all_seconds(),
            )
            write_report(draft.folder, report, prepared.index)
            write_audit(draft.folder, prepared.audit, prepared.index)
            write_outcomes(draft.folder, prepared, judged)
            write_learned(draft.folder, examples)
            write_evidence(
                draft.folder,
                report["evaluation"]["mistakes"],
                class_names=examples.class_names,
                network=judged.network,
                precision=judged.precision.precision,
                kernel=kept.head.kernel,
                pictures=prepared.pictures,
            )
            draft.seal(manifest)
    return TrainingResult(
        bundle=Bundle.load(config.out),
        num_train=len(examples.places("train")),
        num_val=len(examples.places("val")),
        num_test=len(examples.places("test")),
        metrics=metrics,
        findings=prepared.audit.findings,
        seconds=clock.all_seconds(),
    )
