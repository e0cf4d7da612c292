"""python -m tests.with_postgres COMMAND...: run a command with DATABASE_URL set to a PostgreSQL
server of its own, which is thrown away afterwards.

It uses the programs that Debian's package `postgresql` installs, as the user `postgres` where it is
started by root, since PostgreSQL refuses to run as root.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_for


@contextmanager
def postgres_server() -> Iterator[str]:
    """A running server; the URL of its database."""
    folder = Path(tempfile.mkdtemp(prefix="ocellus-pg-"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    programs = _programs()
    subprocess.run(
        [*as_user, programs / "initdb", "-D", data, "-U", "ocellus", "-A", "trust", "-E", "UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
    )
    options = [
        "-c",
        "listen_addresses=",
        "-c",
        f"unix_socket_directories={folder}",
        "-c",
        "fsync=off",
    ]
    server = subprocess.Popen(
        [*as_user, programs / "postgres", "-D", data, *options],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("wb"),
        cwd=folder,
    )
    try:
        wait_for(lambda: _is_ready(programs, folder), what="PostgreSQL")
        yield f"postgres://ocellus@/postgres?host={folder}"
    finally:
        subprocess.run(
            [*as_user, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
            check=False,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        server.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        sys.exit("Expected PostgreSQL, found none. On Debian: apt-get install postgresql")
    return Path(on_path).parent


def _is_ready(programs: Path, folder: Path) -> bool:
    command = [programs / "pg_isready", "-h", folder, "-U", "ocellus", "-q"]
    return subprocess.run(command, check=False).returncode == 0


def main(command: Sequence[str]) -> int:
    with postgres_server() as url:
        return subprocess.run(
            command, check=False, env={**os.environ, "DATABASE_URL": url}
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
