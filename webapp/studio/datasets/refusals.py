"""What is refused about a dataset's folder or its ZIP, before or while it is read."""

from classifier.errors import ClassifierError, gettext_noop


class FolderRefused(ClassifierError):
    """A dataset's folder that is none."""

    sentences = {
        "leads_out": gettext_noop(
            "Expected the folder “%(folder)s” to lie below the datasets' folder, but it leads out of it. "
            "Copy the pictures there instead of linking to them."
        ),
        "link_leads_out": gettext_noop(
            "Expected all pictures of “%(folder)s” to lie below the datasets' folder, but the link "
            "“%(name)s” leads out of it. Put the pictures there instead of the link, and read the "
            "folder again."
        ),
        "unknown": gettext_noop(
            "Expected one of the folders below the datasets' folder, received “%(folder)s”. "
            "Put the pictures there and open this page again."
        ),
        "taken": gettext_noop("The folder “%(folder)s” is the dataset “%(name)s” already."),
        "gone": gettext_noop(
            "Expected the folder “%(folder)s” below the datasets' folder, found none. "
            "Put it back and read it again."
        ),
        "not_read": gettext_noop(
            "Expected the dataset “%(name)s” to be read, but it is not yet, or could not be. "
            "Look at its page, and train when it is ready."
        ),
        "being_read": gettext_noop(
            "Expected the dataset “%(name)s” to be at rest, but its pictures are being read just now. "
            "Try again when that has ended."
        ),
        "separator": gettext_noop(
            "Expected names of classes without “%(separator)s”, which stands between several labels of one "
            "picture, found “%(name)s”. Rename it, and read the folder again."
        ),
    }


class UploadRefused(ClassifierError):
    """A ZIP that is not taken, or that cannot be unpacked for a reason that is not its own."""

    sentences = {
        "no_zip": gettext_noop(
            "Expected a ZIP file (.zip), received “%(name)s”. Pack the labelled folder as a ZIP."
        ),
        "empty": gettext_noop("Expected a ZIP file with pictures, received an empty file."),
        "too_large": gettext_noop(
            "Expected a ZIP of at most %(max_megabytes)s MB, received one of %(megabytes)s MB. "
            "Put the folder on the server instead, below the datasets' folder."
        ),
        "no_space": gettext_noop(
            "Expected %(megabytes)s MB of free space for this ZIP and what is in it, but "
            "%(missing_megabytes)s MB of them are missing. Make room on the disk and send it again: "
            "it goes on where it was."
        ),
        "disk_full": gettext_noop(
            "The disk is full: the rest of the ZIP was not kept. Make room and send it again: "
            "it goes on where it was."
        ),
        "gone": gettext_noop(
            "Expected the ZIP “%(name)s” on the server, but it is not there any more. "
            "Delete this dataset and send the ZIP again."
        ),
        "incomplete": gettext_noop(
            "Expected %(expected)s bytes of the ZIP, received %(received)s so far. "
            "Choose the same file again: it goes on where it was."
        ),
        "name_taken": gettext_noop(
            "There is a dataset named “%(name)s” already. Please choose another name."
        ),
        "not_understood": gettext_noop(
            "This part of the ZIP could not be understood. Choose the file again: it goes on where "
            "it was."
        ),
        "disk": gettext_noop(
            "The pictures could not be read or written: %(problem)s. Look at the disk, and read them "
            "again."
        ),
    }
