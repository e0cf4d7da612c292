"""A version's model card in Markdown, after Mitchell et al. 2019, arXiv:1810.03993.

For people who get the files without this installation: what it is, what it was measured on, where it errs.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.studio.reports import values, wording
from webapp.studio.reports.confusion import mix_ups
from webapp.studio.reports.drawn import outlier_section
from webapp.studio.reports.origin import files_section, learned_section, settings_section
from webapp.studio.reports.quality import classes_section, figures_section, verdict
from webapp.studio.reports.told import Told

MAX_LISTED = 20
# What Markdown would take for its own.
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$-])")


def model_card(told: Told) -> str:
    """The card, in the reader's language. Parts that the report lacks are left out."""
    version = told.version
    licence = _(
        "To be filled in: under which licence the model and the pictures it learned from may be used."
    )
    parts = [
        f"# {_plain(str(version))}",
        *_paragraphs(_what(told)),
        *told.problems,
        *_titled(_("Classes"), _classes(told)),
        *_titled(_("Data"), _data(told)),
        *_titled(_("How good it is"), _figures(told)),
        *_titled(_("Class by class"), _class_table(told)),
        *_titled(_("Limits and known mix-ups"), _limits(told)),
        *_titled(_("Pictures of other things"), _outliers(told)),
        *_titled(_("How it was trained"), _training(told)),
        *_titled(_("Licence"), [f"*{licence}*"]),
        *_titled(_("Files"), _files(told)),
    ]
    return "\n\n".join(parts) + "\n"


def _what(told: Told) -> Iterator[str]:
    version, manifest = told.version, told.manifest
    num = len(version.class_names)
    yield ngettext(
        "A classifier of pictures that knows %(num)s class.",
        "A classifier of pictures that knows %(num)s classes.",
        num,
    ) % {"num": number_format(num)}
    if manifest is None:
        return
    if manifest.head == "sigmoid":
        yield _("It answers yes or no for each class: a picture may have several, or none.")
    else:
        yield _("It gives each picture one class, and a probability for each.")
    yield _(
        "Backbone %(backbone)s; input: RGB pictures, the middle square at %(size)s x %(size)s pixels. "
        "Made on %(day)s."
    ) % {
        "backbone": _plain(manifest.backbone),
        "size": manifest.image_size,
        "day": date_format(version.created_at, "DATE_FORMAT"),
    }


def _classes(told: Told) -> Iterator[str]:
    yield ", ".join(_plain(values.as_text(name)) for name in told.version.class_names)


def _data(told: Told) -> Iterator[str]:
    learned = learned_section(told)
    if learned is None:
        return
    if learned["version"]:
        yield _("Learned from the dataset “%(dataset)s”. SHA-256 of its list: %(digest)s.") % {
            "dataset": _plain(str(learned["version"])),
            "digest": f"`{learned['version'].digest}`",
        }
    if learned["fingerprint"]:
        yield _("Fingerprint of the pictures, labels and splits: %(digest)s.") % {
            "digest": f"`{learned['fingerprint']}`"
        }
    if learned["classes"]:
        yield _table(
            [_("Class"), *learned["headers"]],
            [
                [_plain(row["name"]), *(said for _num, said in row["counts"])]
                for row in learned["classes"]
            ],
        )


def _figures(told: Told) -> Iterator[str]:
    told_so, figures = verdict(told), figures_section(told)
    if told_so is None or figures is None:
        return
    yield f"**{told_so.figure}** {told_so.sentence} {told_so.certainty}".strip()
    yield from (_plain(caution) for caution in told_so.cautions)
    yield _table(
        [_("Figure"), _("Value"), _("How sure"), _("Meaning")],
        [[row.name, row.value, row.interval, row.meaning] for row in figures["rows"]],
    )
    temperature = values.number(told.evaluation, "temperature")
    if temperature is not None:
        yield _(
            "The logits are divided by a temperature of %(temperature)s before they become probabilities."
        ) % {"temperature": wording.decimal(temperature, 2)}


def _class_table(told: Told) -> Iterator[str]:
    classes = classes_section(told)
    if classes is None:
        return
    yield _table(
        [_("Class"), _("Pictures"), *classes["headers"]],
        [
            [_plain(row.name), row.count_said, *(said for _value, said in row.columns)]
            for row in classes["rows"]
        ],
    )


def _limits(told: Told) -> Iterator[str]:
    yield _(
        "The figures hold for pictures like those it was measured on; on others, expect less. It knows "
        "its classes only. Do not rely on it alone where a wrong answer does harm."
    )
    found = [each for each in mix_ups(told) if each.num][:MAX_LISTED]
    if found:
        yield _("What it takes for something else most often:")
        yield _table(
            [_("is"), _("was said to be"), _("times"), _("of its pictures")],
            [
                [_plain(each.given_name), _plain(each.predicted_name), each.num_said, each.share]
                for each in found
            ],
        )


def _outliers(told: Told) -> Iterator[str]:
    outliers = outlier_section(told)
    if outliers is None:
        return
    yield _(
        "“None of these” is answered when the score exceeds %(threshold)s. The score: %(method)s. "
        "%(rate)s of the measured pictures stay below."
    ) % {
        "threshold": outliers["threshold"],
        "method": outliers["method"],
        "rate": outliers["pass_rate"],
    }
    if outliers["is_measured"]:
        yield _(
            "On pictures of other things: %(rate)s of them were let through (AUROC %(auroc)s)."
        ) % {
            "rate": outliers["false_accept_rate"],
            "auroc": outliers["auroc"],
        }
    else:
        yield _("How many pictures of other things it lets through was not measured.")


def _training(told: Told) -> Iterator[str]:
    settings = settings_section(told)
    if settings is None:
        return
    yield from _listed([*settings["settings"], *settings["versions"]])


def _files(told: Told) -> Iterator[str]:
    files = files_section(told)
    if files is None:
        return
    yield _table(
        [_("File"), _("SHA-256")],
        [[_plain(row.name), f"`{row.sha256}`"] for row in files["rows"]],
    )


def _titled(title: str, parts: Iterable[str]) -> list[str]:
    """The parts below their title; nothing where there are none."""
    try:
        content = list(parts)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        content = [_("This part of the report cannot be read.")]
    return [f"## {title}", *content] if content else []


def _paragraphs(parts: Iterable[str]) -> list[str]:
    return [" ".join(parts)]


def _listed(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return (
        ["\n".join(f"- {_plain(name)}: {_plain(value)}" for name, value in pairs)] if pairs else []
    )


def _table(headers: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * len(headers)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headers, rule, *lines))


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
