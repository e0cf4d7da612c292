"""An audit on its own: the beginning of a training run, as far as the labels."""

from pathlib import Path

from training.config import TrainingConfig
from training.dataset.audit import Audit
from training.dataset.findings import Finding
from training.dataset.preparing import Prepared, prepare_for
from training.errors import WeightsUnavailable
from training.events import OnEvent, StepClock
from training.workplace import Workplace, workplace

# Which penalty an audit's heads have: strong enough not to believe a single picture's label.
AUDIT_PENALTY = 0.1


def audit_source(
    config: TrainingConfig, on_event: OnEvent = lambda event: None, out: Path | None = None
) -> Audit:
    """The audit of `config.folder`, written to the folder `out` where one is given.

    The labels are checked with the backbone that `config` names; where its weights are not to be
    had, the audit says so. Raises DatasetRefused for a source that cannot be read at all.
    """
    clock = StepClock(on_event)
    with workplace(config) as place:
        prepared = prepare_for(config, place, clock)
        if not prepared.audit.to_dict()["blocks"]:
            prepared = _with_labels_checked(config, prepared, place, clock)
        if out:
            from training.pages.reporting import write_audit

            out.mkdir(parents=True, exist_ok=True)
            write_audit(out, prepared.audit, prepared.index)
    return prepared.audit


def _with_labels_checked(
    config: TrainingConfig, prepared: Prepared, place: Workplace, clock: StepClock
) -> Prepared:
    from training.backbones.network import open_network
    from training.head.labels import check_labels, without_leaks
    from training.head.learning import compute_views, head_kind

    try:
        with clock.step("backbone"):
            network = open_network(
                config.backbone,
                image_size=config.image_size,
                weights=config.weights,
                seed=config.seed,
                graphs=place.graphs,
            )
    except WeightsUnavailable as error:
        return prepared.with_findings(Finding("unchecked", params={"reason": error}))
    with clock.step("features") as on_progress:
        features = compute_views(network, prepared, config, place, on_progress)
        prepared, features = without_leaks(prepared, features)
        if any(finding.refusal for finding in prepared.audit.findings):
            return prepared
    with clock.step("labels"):
        kind = head_kind(config, prepared.examples)
        return check_labels(prepared, features[0], prepared.alike(), kind, config, AUDIT_PENALTY)
