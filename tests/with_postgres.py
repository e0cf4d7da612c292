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


class PostgresServer:
    """A server in a folder of its own; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.url = f"postgres://ocellus@/postgres?host={folder}"
        self._folder, self._data = folder, folder / "data"
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as_user:
            shutil.chown(folder, "postgres")
        self._programs = _programs()
        self._process: subprocess.Popen[bytes] | None = None
        options = ("-U", "ocellus", "-A", "trust", "-E", "UTF8")
        self._run("initdb", "-D", str(self._data), *options, check=True)

    def start(self) -> None:
        options = (
            *("listen_addresses=", f"unix_socket_directories={self._folder}", "fsync=off"),
            # What it believes of a table, and so how it looks for rows, is not a matter of when it was asked.
            "autovacuum=off",
        )
        self._process = subprocess.Popen(
            [
                *(*self._as_user, self._programs / "postgres", "-D", self._data),
                *(part for option in options for part in ("-c", option)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("ab"),
            cwd=self._folder,
        )
        wait_for(self._is_ready, what="PostgreSQL")

    def stop(self) -> None:
        """At once, as if it had died: whoever is connected hears of it only by the silence."""
        if self._process is None:
            return
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop", check=False)
        self._process.wait(timeout=30)
        self._process = None

    def _is_ready(self) -> bool:
        options = ("-h", str(self._folder), "-U", "ocellus", "-q")
        return self._run("pg_isready", *options, check=False) == 0

    def _run(self, program: str, *arguments: str, check: bool) -> int:
        as_user = self._as_user if program != "pg_isready" else []
        command = [*as_user, self._programs / program, *arguments]
        return subprocess.run(
            command, check=check, stdout=subprocess.DEVNULL, cwd=self._folder
        ).returncode


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running server, thrown away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ocellus-pg-"))
    server = PostgresServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def is_installed() -> bool:
    return _find_programs() is not None


def _programs() -> Path:
    programs = _find_programs()
    if programs is None:
        sys.exit("Expected PostgreSQL, found none. On Debian: apt-get install postgresql")
    return programs


def _find_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path else None


def main(command: Sequence[str]) -> int:
    with postgres_server() as server:
        return subprocess.run(
            command, check=False, env={**os.environ, "DATABASE_URL": server.url}
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
