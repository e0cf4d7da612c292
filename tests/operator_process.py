"""A process inside an installation that does what it is told, one piece of code after another: it has
imported Django once, where a `manage.py shell` for each piece would import it each time."""

import json
import subprocess
import sys
import threading
from pathlib import Path

_PROGRAM = """
import contextlib, io, json, os, sys, traceback

answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # whatever a library prints is for the log

import django
django.setup()
from django.db import connections

for line in sys.stdin:
    output, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(output):
            exec(json.loads(line), {"__name__": "__operator__", "sys": sys})
    except Exception:
        error = traceback.format_exc()
    connections.close_all()  # none stays open that others might wait for
    answers.write(json.dumps([output.getvalue(), error]) + "\\n")
"""


class Operator:
    """Somebody at the installation that `environment` names; begins with the first `run`."""

    def __init__(self, root: Path, environment: dict[str, str], log: Path) -> None:
        self._root, self._environment, self._log = root, environment, log
        self._process: subprocess.Popen[str] | None = None
        self._one_at_a_time = threading.Lock()

    def close(self) -> None:
        if self._process is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        if self._process.stdout:
            self._process.stdout.close()
        self._process.wait(timeout=30)

    def run(self, code: str) -> str:
        """What the code printed. A RuntimeError with its traceback when it raised."""
        with self._one_at_a_time:
            process = self._process = self._process or self._begin()
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(code) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the operator's process ended, see {self._log}")
        output, error = json.loads(line)
        if error:
            raise RuntimeError(error)
        return str(output)

    def _begin(self) -> subprocess.Popen[str]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                cwd=self._root,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
