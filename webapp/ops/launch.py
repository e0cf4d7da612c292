"""What `make run` does: prepare the data folder, then run everything until Ctrl-C.

Read `main` from top to bottom. A second start finds everything prepared and takes seconds.
"""

import fcntl
import logging
import os
import resource
import secrets
import shlex
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from django.core.exceptions import ImproperlyConfigured

from webapp.database import DATABASE_ERRORS
from webapp.ops.keep_alive import is_alive

# How long what a killed launcher has started may take to end.
ENDING_SECONDS = 20
# More is slow for programs that close all that might be open.
MANY_FILES = 65_536


def main() -> int:
    """Exit status: that of the processes; 2 when Ocellus cannot start."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.umask(0o077)  # sessions, passwords and pictures are nobody else's on this machine
    _allow_many_files()
    try:
        _write_secret_key()
        from django.conf import settings

        from webapp.metrics_files import clear_unused

        lock = _only_one(Path(settings.DATA_DIR))
        clear_unused(settings.METRICS_DIR)
        _check_port(settings.PORT)
        _prepare_database()
        _ensure_admin()
        _ensure_sample()
    except (ImproperlyConfigured, CannotStart) as error:
        print(error, file=sys.stderr)
        return 2
    except (OSError, *DATABASE_ERRORS) as error:
        print(f"Ocellus could not be prepared: {error}", file=sys.stderr)
        return 2
    with lock:
        try:
            return _run_processes()
        except CannotStart as error:
            print(error, file=sys.stderr)
            return 2


class CannotStart(Exception):
    """The message says what to do."""


def _allow_many_files() -> None:
    """For this process and all that it starts. What is usual, 1024, two large uploads may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with suppress(OSError, ValueError):  # a system with a limit of its own keeps that
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _write_secret_key() -> None:
    """A key of this installation's own, before the settings ask for it."""
    from webapp import env

    if env.text("SECRET_KEY"):
        return
    data_dir = env.path("OCELLUS_DATA_DIR", Path(__file__).resolve().parents[2] / "var")
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / "secret_key"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(50))


def _only_one(data_dir: Path) -> TextIO:
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o700)
    lock = (data_dir / "running.lock").open("a+")
    deadline = time.monotonic() + ENDING_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            lock.seek(0)
            pid = lock.read()
            # What a launcher has started outlives it for a moment when it is killed.
            is_ending = pid.isdecimal() and not is_alive(int(pid))
            if not is_ending or time.monotonic() > deadline:
                raise CannotStart(
                    f"Ocellus runs already on {data_dir}, started by process {pid or '?'}. "
                    "Stop it first."
                ) from error
        time.sleep(0.2)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStart(
                f"Expected port {port} to be free, but another program uses it. "
                f"Choose another one: PORT=8080 make run"
            ) from error


def _prepare_database() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    print("Preparing the database and the static files ...", flush=True)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


def _ensure_admin() -> None:
    from webapp import env
    from webapp.accounts.models import User

    if User.objects.filter(is_superuser=True).exists():
        return
    given = env.text("OCELLUS_ADMIN_PASSWORD")
    password = given or secrets.token_urlsafe(12)
    User.objects.create_superuser("admin", password=password)
    shown = "the one in OCELLUS_ADMIN_PASSWORD" if given else password
    print(f"\n  An account for you: user name admin, password {shown}", flush=True)
    if not given:
        print("  It is shown this once. Change it under Studio, Users.\n", flush=True)


def _ensure_sample() -> None:
    from django.db import connection

    from webapp.studio.sample import sample_ensure
    from webapp.studio.services import runs_mark_interrupted

    # What a stopped launcher left running will never end by itself. Where the database is this
    # folder's own, nobody else can be training; elsewhere the lease decides.
    runs_mark_interrupted(of_anybody=connection.vendor == "sqlite")
    # The broker starts after this: that a nudge does not get through is no news.
    logging.getLogger("webapp.studio.tasks").setLevel(logging.ERROR)
    if run := sample_ensure(on_drawing=lambda: print("Drawing sample bugs ...", flush=True)):
        print(
            f"{run.recognizer} {'goes on learning' if run.started_at else 'begins to learn'}; the upload page shows how far it is.\n"
            f"Drawn bugs to try it on afterwards are in {run.dataset.path.parent.parent / 'try'}.",
            flush=True,
        )


def _run_processes() -> int:
    from django.conf import settings
    from honcho.manager import Manager

    from webapp import env
    from webapp.ops import processes
    from webapp.ops.redis_socket import socket_path

    commands: dict[str, list[str]] = {}
    if not env.text("REDIS_URL"):
        redis_socket = socket_path(Path(settings.DATA_DIR))
        _own_folder(redis_socket.parent)
        commands["redis"] = processes.redis_command(redis_socket)
    commands["web"] = processes.web_command(settings.PORT)
    commands["inference"] = processes.inference_command()
    commands["training"] = processes.training_command()
    commands["studio"] = processes.studio_command()
    manager = Manager()
    for name, command in commands.items():
        manager.add_process(name, shlex.join(processes.kept_alive(command)), env=_environment())
    # A closed terminal stops everything, as Ctrl-C does; honcho itself knows only SIGINT and SIGTERM.
    signal.signal(signal.SIGHUP, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM))
    print(f"\n  Ocellus: http://localhost:{settings.PORT}/   (Ctrl-C stops it)\n", flush=True)
    manager.loop()
    # A Ctrl-C is how one stops it, not a failure.
    return 0 if manager.returncode in (0, 130, 143) else int(manager.returncode or 0)


def _own_folder(folder: Path) -> None:
    """A folder that is ours alone: under /tmp another user may have made one of that name before."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise CannotStart(f"Expected {folder} to be yours alone, but it is not. Remove it first.")


def _environment() -> Mapping[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


if __name__ == "__main__":
    sys.exit(main())
