"""The whole of Ocellus, really running: Redis, web, inference worker, training worker.

    with Stack(tmp_path) as stack:
        stack.start("redis", "web", "inference")

Every process is the one that `make run` starts, with a data folder and ports of its own. Only
processes that were started here are ended, by their id.
"""

import atexit
import contextlib
import functools
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

from tests.operator_process import Operator
from tests.waiting import wait_for
from webapp.ops import processes

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = secrets.token_urlsafe(16)


class Stack:
    """A running installation in `data_dir`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.pictures_dir = data_dir / "pictures"
        data_dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # A path under pytest's own folders may be too long for a socket.
        self._socket_dir = tempfile.TemporaryDirectory(prefix="ocellus-")
        self.socket_dir = Path(self._socket_dir.name)
        self._redis_socket = self.socket_dir / "redis.sock"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        template = _template(os.environ.get("DATABASE_URL", ""))
        shutil.copytree(template.folder, data_dir, dirs_exist_ok=True)
        self._database = _new_database(template.database) if template.database else ""
        self.environment = {
            **_environment(data_dir, self._database),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "REDIS_URL": f"redis+socket://{self._redis_socket}",
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }
        self._operator = Operator(ROOT, self.environment, data_dir / "operator.log")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in reversed(
            list(self._processes)
        ):  # the broker last: its clients shall end in peace
            self.stop(name)
        self._operator.close()
        if error is not None:
            for log in sorted(self.data_dir.glob("*.log")):
                sys.stderr.write(f"--- {log.name}\n{log.read_text()[-4000:]}\n")
        if self._database:
            _drop_database(self._database)
        self._socket_dir.cleanup()

    # Processes

    def start(self, *names: str) -> None:
        """Start processes and wait until each is ready."""
        commands = {
            "redis": lambda: processes.redis_command(self._redis_socket),
            "web": lambda: processes.web_command(self.port),
            "inference": processes.inference_command,
            "training": processes.training_command,
            "studio": processes.studio_command,
        }
        for name in names:
            with (self.data_dir / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    commands[name.split("-")[0]](),
                    cwd=ROOT,
                    env=self.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        for name in names:
            if name == "redis":
                wait_for(self._redis_socket.exists, what="redis")
            if name == "web":
                wait_for(self._answers, what="the web process")

    def is_started(self, name: str) -> bool:
        return name in self._processes

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def children(self, name: str) -> list[int]:
        """The ids of the processes that it has forked."""
        pid = self.pid(name)
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(number) for number in text.split()]

    def kill(self, name: str) -> None:
        """SIGKILL to a process and the children it started; nothing gets to tidy up."""
        process = self._processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> None:
        """SIGTERM, and SIGKILL when that has not helped within some seconds."""
        process = self._processes.pop(name)
        process.terminate()
        try:
            process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if name == "redis":
            self._redis_socket.unlink(missing_ok=True)

    def log(self, name: str) -> str:
        return (self.data_dir / f"{name}.log").read_text()

    # What an operator would do

    def manage(self, *arguments: str) -> str:
        """`manage.py ARGUMENTS`, in a process of its own; what it printed."""
        return _manage(self.environment, *arguments)

    def shell(self, code: str) -> str:
        """Python code inside the installation; what it printed."""
        return self._operator.run(code)

    def create_users(self, *names: str, is_staff: bool = False) -> None:
        self.shell(
            "from webapp.accounts.models import User\n"
            f"for name in {names!r}:\n"
            f"    create = User.objects.{'create_superuser' if is_staff else 'create_user'}\n"
            f"    create(name, password={PASSWORD!r})\n"
        )

    def create_api_key(self, name: str) -> str:
        """A key of a person who has an account."""
        return self.shell(
            "from django.core.management import call_command\n"
            f"call_command('create_api_key', {name!r}, stdout=sys.stdout)\n"
        ).strip()

    def install(self, *bundle_names: str, recognizer: str = "Colours") -> None:
        """Make bundles in the bundles' folder versions of a recognizer, the last of them live."""
        self.shell(
            "from django.conf import settings\n"
            "from classifier.bundle import Bundle\n"
            "from webapp.recognizers.services import version_create, version_promote\n"
            "from webapp.studio.services import recognizer_get_or_create\n"
            f"recognizer = recognizer_get_or_create(name={recognizer!r})\n"
            f"for name in {bundle_names!r}:\n"
            "    bundle = Bundle.load(settings.BUNDLES_DIR / name)\n"
            "    version = version_create(recognizer=recognizer, bundle=bundle)\n"
            "    version_promote(version=version, by=None)\n"
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows straight from the installation's database."""
        if self._database:
            with psycopg.connect(self._database) as connection:
                return connection.execute(sql).fetchall()
        with contextlib.closing(
            sqlite3.connect(self.data_dir / "ocellus.sqlite3", timeout=20)
        ) as connection:
            return connection.execute(sql).fetchall()

    def is_being_written(self) -> bool:
        """Whether a process is in the middle of a write that all others must wait for: SQLite's."""
        if self._database:
            return False
        with contextlib.closing(
            sqlite3.connect(self.data_dir / "ocellus.sqlite3", timeout=0, isolation_level=None)
        ) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False

    def states(self) -> dict[str, int]:
        """How many predictions are in each state."""
        rows = self.query("SELECT state, count(*) FROM predictions_prediction GROUP BY state")
        return dict(rows)

    def wait_for_workers(self, number: int = 1) -> None:
        """Until that many inference workers say that they are ready to answer with what is live."""

        def are_ready() -> bool:
            rows = self.query("SELECT loaded FROM ops_workerheartbeat")
            return sum(loaded not in ("[]", []) for (loaded,) in rows) >= number

        wait_for(are_ready, seconds=60, what=f"{number} inference workers")

    # What a visitor would do

    @contextlib.contextmanager
    def signed_in(self, name: str) -> Iterator["Visitor"]:
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=30) as client:
            visitor = Visitor(client)
            page = visitor.post("/sign-in/", {"username": name, "password": PASSWORD})
            assert "Sign out" in page.text, page.text
            yield visitor

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        return False


class Visitor:
    """A browser without JavaScript: it keeps cookies and fills in forms."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def post(
        self,
        path: str,
        values: dict[str, str],
        files: list[tuple[str, Any]] | None = None,
        *,
        page: str | None = None,
    ) -> httpx.Response:
        """Open the page, then send its form with these values; `page` where it is another's form."""
        token = _hidden(self.client.get(page or path).text, "csrfmiddlewaretoken")
        return self.client.post(
            path,
            data={**values, "csrfmiddlewaretoken": token},
            files=files,
            headers={"Referer": str(self.client.base_url)},
        )

    def upload(self, *files: tuple[str, bytes], upload: uuid.UUID | None = None) -> httpx.Response:
        """Send files through the upload form to its first recognizer; the page of their answers."""
        page = self.client.get("/").text
        values = {
            "upload": str(upload or _hidden(page, "upload")),
            "recognizer": page.split('<option value="')[1].split('"')[0],
        }
        return self.post("/", values, [("pictures", file) for file in files])


def _hidden(page: str, name: str) -> str:
    return page.split(f'name="{name}" value="')[1].split('"', maxsplit=1)[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# The database and the static files are made once, and copied for each installation.


@dataclass(frozen=True)
class _Template:
    """A data folder as `migrate` and `collectstatic` leave it; the URL of its database on a server."""

    folder: Path
    database: str


@functools.cache
def _template(server: str) -> _Template:
    folder = Path(tempfile.mkdtemp(prefix="ocellus-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = _new_database(server, template="template1") if server else ""
    if database:
        atexit.register(_drop_database, database)
    environment = {**_environment(folder, database), "SECRET_KEY": secrets.token_urlsafe(50)}
    _manage(environment, "migrate", "--verbosity", "0")
    _manage(environment, "collectstatic", "--no-input", "--verbosity", "0")
    return _Template(folder, database)


def _environment(data_dir: Path, database: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
        "OCELLUS_DATA_DIR": str(data_dir),
        "DATABASE_URL": database,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def _manage(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,  # what goes wrong is to be read on stderr
        text=True,
    ).stdout


def _new_database(server: str, template: str | None = None) -> str:
    """A copy of the database that the URL names, or of `template` on its server; its URL."""
    name = f"stack_{uuid.uuid4().hex[:12]}"
    template = template or _name_in(server)
    with psycopg.connect(_with_name(server, "postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return _with_name(server, name)


def _drop_database(url: str) -> None:
    # With its server gone it is gone, too.
    with (
        contextlib.suppress(psycopg.OperationalError),
        psycopg.connect(_with_name(url, "postgres"), autocommit=True) as connection,
    ):
        connection.execute(f'DROP DATABASE IF EXISTS "{_name_in(url)}" WITH (FORCE)')


def _name_in(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def _with_name(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
