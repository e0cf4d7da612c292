"""Settings for the tests and the tools: a data folder of their own, thrown away at the end."""

import atexit
import os
import secrets
import shutil
import tempfile

_data_dir = tempfile.mkdtemp(prefix="ocellus-tests-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
os.environ["OCELLUS_DATA_DIR"] = _data_dir
os.environ["SECRET_KEY"] = secrets.token_urlsafe(50)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from webapp.settings import *  # noqa: E402, F403

STATIC_ROOT.mkdir()  # noqa: F405
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, as in an installation: threads wait for each other there. In memory, who meets another is
    # refused at once. Nothing of it need outlive a crash.
    DATABASES["default"]["TEST"] = {"NAME": STATIC_ROOT.parent / "test.sqlite3"}  # noqa: F405
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, for throw-away users
AXES_ENABLED = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
