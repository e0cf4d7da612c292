"""What a list or an archive with labelled pictures is refused for."""

from classifier.errors import gettext_noop
from training.errors import DatasetRefused, TrainingError


class ListRefused(DatasetRefused):
    """A CSV manifest, or a list as published with a dataset, with a line that cannot be used."""

    sentences = {
        "unreadable": gettext_noop(
            "Expected a list that can be read, but reading %(file)s failed: %(problem)s. "
            "Check the file and its permissions."
        ),
        "no_csv": gettext_noop(
            "Expected comma-separated values in %(file)s, line %(line)s, received what is none: "
            "%(problem)s. Check the quotation marks around the line."
        ),
        "long_line": gettext_noop(
            "Expected lines of less than %(limit)s characters in %(file)s, received a longer one "
            "as line %(line)s. Check that the file is a list."
        ),
        "text": gettext_noop(
            "Expected text in UTF-8 in %(file)s, line %(line)s, column %(column)s, received "
            "%(received)s. Save the file as UTF-8."
        ),
        "column": gettext_noop(
            "Expected no other columns than path, label and split in %(file)s, line %(line)s, "
            "received the column %(column)s. Rename or remove it, and separate columns by commas."
        ),
        "column_twice": gettext_noop(
            "Expected each column once in %(file)s, line %(line)s, received the column %(column)s "
            "again. Remove one of the two."
        ),
        "no_column": gettext_noop(
            "Expected the column %(column)s in %(file)s, line %(line)s, found none. "
            "The first line names the columns: path,label or path,label,split."
        ),
        "length": gettext_noop(
            "Expected %(expected)s values in %(file)s, line %(line)s, as the first line has columns, "
            "received %(received)s. Put values with commas into quotation marks."
        ),
        "missing": gettext_noop(
            "Expected an existing picture in %(file)s, line %(line)s, column %(column)s, received "
            "%(received)s, where there is no file. Paths are relative to the list's folder, with / "
            "between folders; add the picture or remove the line."
        ),
        "outside": gettext_noop(
            "Expected a path below the list's folder in %(file)s, line %(line)s, column %(column)s, "
            "received %(received)s, which leads out of it. Put the pictures below that folder and "
            "give relative paths."
        ),
        "twice": gettext_noop(
            "Expected each picture once, received %(received)s in %(file)s, line %(line)s, column "
            "%(column)s, again; it stands in line %(first)s already. Remove one of the two lines, "
            "or write several labels as one|other."
        ),
        "label": gettext_noop(
            "Expected labels separated by | in %(file)s, line %(line)s, column %(column)s, received "
            "%(received)s, where one is empty. Remove the | that is too much."
        ),
        "case": gettext_noop(
            "Expected labels that differ in more than case, received %(received)s in %(file)s, line "
            "%(line)s, column %(column)s, after %(other)s. Use one spelling."
        ),
        "split": gettext_noop(
            "Expected train, val, test or nothing in %(file)s, line %(line)s, column %(column)s, "
            "received %(received)s. Correct the line."
        ),
        "no_labels": gettext_noop(
            "Expected lines with pictures and their labels in %(file)s, found none. "
            "Add at least two classes with pictures."
        ),
        "pair": gettext_noop(
            "Expected an id, a space and a value in %(file)s, line %(line)s, column %(column)s, "
            "received %(received)s. Correct the line."
        ),
        "id": gettext_noop(
            "Expected each id once, and only ids that the other lists have, received %(received)s in "
            "%(file)s, line %(line)s, column %(column)s. Remove the line."
        ),
        "no_value": gettext_noop(
            "Expected a line with the id %(received)s in %(other)s, as %(file)s has one in line "
            "%(line)s, column %(column)s, found none. Add it or remove the picture."
        ),
        "class_id": gettext_noop(
            "Expected a class id of %(other)s in %(file)s, line %(line)s, column %(column)s, "
            "received %(received)s. Correct the line or add the class."
        ),
        "is_training": gettext_noop(
            "Expected 1 (train) or 0 (test) in %(file)s, line %(line)s, column %(column)s, received "
            "%(received)s. Correct the line."
        ),
    }


class ArchiveRefused(TrainingError):
    """A ZIP that is not unpacked, or not to its end; nothing of it is kept."""

    sentences = {
        "no_zip": gettext_noop(
            "Expected a ZIP file at %(path)s, received a file that is none or is damaged: "
            "%(problem)s. Pack the folder again."
        ),
        "damaged": gettext_noop(
            "Expected a whole file %(name)s in the ZIP, received a damaged one: %(problem)s. "
            "Nothing was kept; pack the folder again."
        ),
        "path": gettext_noop(
            "Expected paths that stay in the ZIP's own folder, with / between folders, received "
            "%(name)s. Nothing was unpacked; pack the folder itself, without absolute paths."
        ),
        "odd_name": gettext_noop(
            "Expected file names that are text, up to 255 bytes long and up to 100 folders deep, "
            "received %(name)s. Nothing was unpacked; rename the file and pack the folder again."
        ),
        "special": gettext_noop(
            "Expected plain files and folders in the ZIP, received a link or another special file: "
            "%(name)s. Nothing was unpacked; pack the folder again with the files themselves."
        ),
        "encrypted": gettext_noop(
            "Expected a ZIP without a password, received an encrypted file: %(name)s. "
            "Nothing was unpacked; pack the folder again without one."
        ),
        "method": gettext_noop(
            "Expected files that are stored or deflated, as ZIPs commonly are, received %(name)s by "
            "method number %(method)s. Nothing was unpacked; pack the folder again with common settings."
        ),
        "nested": gettext_noop(
            "Expected no archives in the ZIP, received %(name)s. "
            "Nothing was unpacked; unpack it and pack the folder again."
        ),
        "twice": gettext_noop(
            "Expected names that differ in more than case, received %(other)s and %(name)s. "
            "Nothing was unpacked; rename one of the two and pack the folder again."
        ),
        "too_many_bytes": gettext_noop(
            "Expected at most %(max_megabytes)s MB in the ZIP, received %(megabytes)s MB. "
            "Nothing was unpacked; leave out pictures or make them smaller."
        ),
        "too_many_files": gettext_noop(
            "Expected at most %(max_files)s files and folders in the ZIP, received more. "
            "Nothing was unpacked; leave out pictures."
        ),
        "ratio": gettext_noop(
            "Expected files that unpack to at most %(max_ratio)s times their packed size, received "
            "%(name)s with %(ratio)s times. Nothing was unpacked; pack the folder again."
        ),
        "no_space": gettext_noop(
            "Expected %(megabytes)s MB of free space to unpack the ZIP, found %(free_megabytes)s MB. "
            "Nothing was kept; make room on the disk."
        ),
    }
