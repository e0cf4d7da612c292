"""manage.py classify PATH...: pictures of this machine, recognized as if somebody had uploaded them."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from classifier.images import FILE_SUFFIXES
from webapp.accounts.models import User
from webapp.api.shapes import PredictionShape, shown
from webapp.database import DATABASE_ERRORS
from webapp.predictions.models import Prediction
from webapp.predictions.services import UploadNotKept, upload_accept
from webapp.predictions.waiting import wait_until_answered
from webapp.recognizers.models import Recognizer
from webapp.recognizers.templatetags.shares import percent_plain

NOT_ANSWERED, NOT_STARTED = 1, 2  # how it ends


@dataclass(frozen=True)
class Outcome:
    """What became of a file. `sentence`: why it was not answered; empty where it was. `prediction`:
    None where it could not even be read."""

    path: Path
    sentence: str
    prediction: Prediction | None = None


class Command(BaseCommand):
    help = (
        "Recognize pictures. Each is kept in the history of a person, as if they had uploaded it; "
        "label, confidence and file are written to the standard output, a line for each. It ends "
        "with 1 where a file was not answered, with 2 where none could be tried."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "paths",
            nargs="+",
            type=Path,
            metavar="PATH",
            help="a picture, or a folder, of which all pictures are taken",
        )
        parser.add_argument(
            "--recognizer",
            default="",
            metavar="SLUG",
            help="who answers; may be left out while there is only one",
        )
        parser.add_argument(
            "--user",
            default="",
            metavar="NAME",
            help="in whose history the pictures are kept; the first superuser's without this",
        )
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="a JSON object a line"
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=120.0,
            metavar="SECONDS",
            help="give up when no answer has come for so long (120)",
        )

    def handle(
        self,
        *args: Any,
        paths: list[Path],
        recognizer: str,
        user: str,
        as_json: bool,
        wait: float,
        **options: Any,
    ) -> None:
        files, num_others = _files(paths)
        try:
            owner = _owner(user)
            asked = _recognizer(recognizer, owner)
            self._tell_plan(len(files), num_others, owner, asked)
            num_failed = 0
            for start in range(0, len(files), settings.MAX_FILES_PER_UPLOAD):
                batch = files[start : start + settings.MAX_FILES_PER_UPLOAD]
                for outcome in _classified(batch, owner, asked, seconds=wait):
                    num_failed += bool(outcome.sentence)
                    self._write(outcome, asked, as_json=as_json)
                self.stdout.flush()
        except UploadNotKept as error:
            raise CommandError(
                _("The pictures could not be kept; the log above says why. Please try again.")
            ) from error
        except DATABASE_ERRORS as error:
            raise CommandError(
                _("The database does not answer: %(problem)s") % {"problem": error},
                returncode=NOT_STARTED,
            ) from error
        if num_failed:
            sentence = ngettext(
                "%(num)s file was not answered.", "%(num)s files were not answered.", num_failed
            )
            raise CommandError(sentence % {"num": num_failed}, returncode=NOT_ANSWERED)

    def _tell_plan(self, num_files: int, num_others: int, owner: User, asked: Recognizer) -> None:
        plan = ngettext(
            "%(num)s file for %(recognizer)s, kept in the history of %(user)s.",
            "%(num)s files for %(recognizer)s, kept in the history of %(user)s.",
            num_files,
        )
        self.stderr.write(
            plan % {"num": num_files, "recognizer": asked.name, "user": owner.get_username()}
        )
        if num_others:
            others = ngettext(
                "%(num)s other file in the folders is no picture by its name.",
                "%(num)s other files in the folders are no pictures by their names.",
                num_others,
            )
            self.stderr.write(others % {"num": num_others})

    def _write(self, outcome: Outcome, asked: Recognizer, *, as_json: bool) -> None:
        path = _printable(os.fsencode(outcome.path).decode(errors="replace"))
        row = outcome.prediction
        if as_json:
            self.stdout.write(json.dumps(_as_json(path, outcome, asked), ensure_ascii=False))
        elif row is None or outcome.sentence:
            self.stderr.write(f"{path}: {outcome.sentence}")
        else:
            label = _("None of these") if row.is_outlier else row.label
            self.stdout.write(f"{_printable(label)}\t{percent_plain(row.confidence)}\t{path}")


def _as_json(path: str, outcome: Outcome, asked: Recognizer) -> dict[str, Any]:
    """As the API has it, and the file."""
    if outcome.prediction is None:
        failure = {"code": "unreadable", "sentence": outcome.sentence}
        return {"file": path, "state": Prediction.State.FAILED, "failure": failure}
    shape = PredictionShape.of(outcome.prediction, asked, with_why=False)
    return {"file": path, **shape.model_dump(mode="json")}


def _classified(
    paths: Sequence[Path], owner: User, asked: Recognizer, *, seconds: float
) -> Iterator[Outcome]:
    """What became of each of these, in their order."""
    with contextlib.ExitStack() as opened:
        files: dict[Path, UploadedFile] = {}
        unreadable: dict[Path, str] = {}
        for path in paths:
            try:
                file = opened.enter_context(path.open("rb"))
                size = os.fstat(file.fileno()).st_size
            except OSError as error:
                unreadable[path] = error.strerror or str(error)
                continue
            files[path] = UploadedFile(file, name=path.name, size=size)
        rows: list[Prediction] = []
        if files:
            rows = upload_accept(
                owner=owner, recognizer=asked, upload=None, files=list(files.values())
            )
    found = _answered(rows, seconds=seconds)
    row_of = dict(zip(files, rows, strict=True))
    for path in paths:
        if path in unreadable:
            yield Outcome(
                path, _("It cannot be read: %(problem)s.") % {"problem": unreadable[path]}
            )
            continue
        row = found.get(row_of[path].pk)
        yield Outcome(path, _why_not(row, seconds), row)


def _why_not(row: Prediction | None, seconds: float) -> str:
    if row is None:
        return _("It was deleted before it was answered.")
    if row.state == Prediction.State.FAILED:
        return row.failure_sentence
    if row.is_answered:
        return ""
    return _(
        "It is kept and not answered: no answer has come for %(seconds)g seconds. Is Ocellus running? "
        "Its answer will be in the history."
    ) % {"seconds": seconds}


def _answered(rows: Iterable[Prediction], *, seconds: float) -> dict[int, Prediction]:
    """The rows by their keys, once all are answered or nothing has come for so long."""
    keys = [row.pk for row in rows]
    unanswered = {row.pk for row in rows if not row.is_answered}
    waiting = Prediction.objects.filter(state__in=Prediction.UNANSWERED_STATES)
    while unanswered:
        wait_until_answered(unanswered, seconds=seconds)
        left = set(waiting.filter(pk__in=unanswered).values_list("pk", flat=True))
        if left == unanswered:
            break
        unanswered = left
    return shown(Prediction.objects.filter(pk__in=keys), with_why=False).in_bulk()


def _files(paths: Sequence[Path]) -> tuple[list[Path], int]:
    """The files that are named, and those in the folders that are pictures by their names; how many
    others are in there. Hidden ones are nobody's business. Raises CommandError for what is not there."""
    for path in paths:
        if not (path.is_file() or path.is_dir()):
            raise CommandError(
                _("Expected a picture or a folder, found none at %(path)s.") % {"path": path},
                returncode=NOT_STARTED,
            )
    found: dict[Path, None] = {}  # each once, in their order
    num_others = 0
    for path in paths:
        if path.is_file():
            found[path] = None
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                each = Path(folder) / name
                if each.suffix.lower() in FILE_SUFFIXES and each.is_file():
                    found[each] = None
                else:
                    num_others += 1
    if not found:
        raise CommandError(_("There is no picture in these folders."), returncode=NOT_STARTED)
    return list(found), num_others


def _owner(name: str) -> User:
    active = User.objects.filter(is_active=True)
    if not name:
        first = active.filter(is_superuser=True).order_by("id").first()
        if first is None:
            raise CommandError(
                _("There is no superuser yet. Say whose pictures these are: --user NAME"),
                returncode=NOT_STARTED,
            )
        return first
    owner = active.filter(username=name).first()
    if owner is None:
        raise CommandError(
            _("Expected --user to be a person with an active account, received %(name)s.")
            % {"name": name},
            returncode=NOT_STARTED,
        )
    return owner


def _recognizer(slug: str, owner: User) -> Recognizer:
    """Of those that the owner may ask. Raises CommandError."""
    ready = {each.slug: each for each in Recognizer.objects.ready().open_to(owner)}
    if not ready and Recognizer.objects.ready().exists():
        problem = _("No recognizer is open to %(name)s.") % {"name": owner.get_username()}
    elif not ready:
        problem = _("No recognizer can answer yet. Promote a version in the studio first.")
    elif slug in ready:
        return ready[slug]
    elif not slug and len(ready) == 1:
        return next(iter(ready.values()))
    else:
        problem = _("Expected --recognizer to be one of %(expected)s, received %(received)s.") % {
            "expected": ", ".join(ready),
            "received": slug or _("none"),
        }
    raise CommandError(problem, returncode=NOT_STARTED)


def _printable(text: str) -> str:
    """On one line and in one column, whatever somebody has put into a name."""
    return "".join(c if c.isprintable() else "�" for c in text)
