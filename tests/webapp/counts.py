"""What this process has counted, and what is read of it."""

from prometheus_client.parser import text_string_to_metric_families

from webapp import metrics


def count(name: str, **labels: str) -> float:
    """The sample of a counter with these labels; 0 where nothing was counted."""
    return metrics.counted().get_sample_value(f"ocellus_{name}", labels) or 0.0


def values(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a name, by their labels' values in the order of the labels' names."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                found[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found
