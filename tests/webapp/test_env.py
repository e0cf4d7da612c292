"""The readers of the environment refuse what they do not understand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.stack import ROOT
from webapp import env
from webapp.ops.redis_socket import MAX_SOCKET_PATH, socket_path


def test_text_falls_back_to_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "  ")
    assert env.text("NAME", "default") == "default"


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv("NAME_FILE", str(tmp_path / "secret"))
    assert env.text("NAME") == "from the file"
    monkeypatch.setenv("NAME", "from the variable")
    with pytest.raises(ImproperlyConfigured, match="received both"):
        env.text("NAME")


def test_a_secret_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME_FILE", "/no/such/file")
    with pytest.raises(ImproperlyConfigured, match="/no/such/file"):
        env.text("NAME")


@pytest.mark.parametrize("value", ["many", "0", "65536", "8000.5"])
def test_a_number_out_of_its_bounds_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PORT", value)
    with pytest.raises(ImproperlyConfigured, match="from 1 to 65535"):
        env.integer("PORT", 8000, lowest=1, highest=65535)


def test_a_choice_is_one_of_its_words_in_whatever_case(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = ("auto", "cpu", "gpu")
    monkeypatch.delenv("OCELLUS_DEVICE", raising=False)
    assert env.choice("OCELLUS_DEVICE", choices) == "auto"
    monkeypatch.setenv("OCELLUS_DEVICE", " GPU ")
    assert env.choice("OCELLUS_DEVICE", choices) == "gpu"
    monkeypatch.setenv("OCELLUS_DEVICE", "cuda")
    with pytest.raises(ImproperlyConfigured, match="one of auto, cpu, gpu, received 'cuda'"):
        env.choice("OCELLUS_DEVICE", choices)


def test_there_is_no_default_secret_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SECRET_KEY")
    with pytest.raises(ImproperlyConfigured, match="at least 32 characters"):
        env.secret_key(tmp_path / "secret_key")
    (tmp_path / "secret_key").write_text("short")
    with pytest.raises(ImproperlyConfigured, match="received 5 characters"):
        env.secret_key(tmp_path / "secret_key")
    (tmp_path / "secret_key").write_text("k" * 50)
    assert env.secret_key(tmp_path / "secret_key") == "k" * 50


def test_a_list_of_names_is_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCELLUS_HOSTS", "ocellus.example, 10.0.0.5 ,")
    assert env.names("OCELLUS_HOSTS", ()) == ["ocellus.example", "10.0.0.5"]


def test_a_configured_redis_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert env.redis_url(tmp_path / "redis.sock") == f"redis+socket://{tmp_path}/redis.sock"
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6379/0")
    assert env.redis_url(tmp_path / "redis.sock") == "redis://elsewhere:6379/0"


def test_a_data_folder_with_odd_characters_holds_its_own_database(tmp_path: Path) -> None:
    data_dir = tmp_path / "a#b?c%20d"
    code = "from webapp import settings; print(settings.DATABASES['default']['NAME'])"
    environment = {**os.environ, "OCELLUS_DATA_DIR": str(data_dir), "DATABASE_URL": ""}
    output = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert output.strip() == str(data_dir / "ocellus.sqlite3")


def settings_with(**variables: str) -> subprocess.CompletedProcess[str]:
    """The settings' mail server and port, read with these variables."""
    code = "from webapp import settings as s; print(s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_USE_TLS)"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_mail_server_has_its_usual_port_and_needs_an_address_to_send_from(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("a mail password\n")
    mail = {
        "OCELLUS_MAIL_HOST": "mail.example.org",
        "OCELLUS_MAIL_FROM": "ocellus@example.org",
        "OCELLUS_MAIL_PASSWORD_FILE": str(secret),
    }
    assert settings_with(**mail).stdout.split() == ["mail.example.org", "587", "True"]
    result = settings_with(**mail, OCELLUS_MAIL_SECURITY="tls")
    assert result.stdout.split() == ["mail.example.org", "465", "False"]
    mail["OCELLUS_MAIL_FROM"] = ""
    assert "Expected OCELLUS_MAIL_FROM" in settings_with(**mail).stderr


def test_a_socket_whose_path_is_too_long_moves_elsewhere() -> None:
    assert socket_path(Path("/srv/ocellus")) == Path("/srv/ocellus/redis.sock")
    moved = socket_path(Path("/srv") / ("x" * 200))
    assert len(str(moved)) <= MAX_SOCKET_PATH
    assert moved != socket_path(Path("/srv") / ("y" * 200))


def test_every_variable_that_is_read_is_in_the_readme_and_no_other() -> None:
    """Those that the environment's readers are given, wherever that is; a secret's `_FILE` goes with it."""
    read = set()
    for path in (ROOT / "webapp").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        read |= set(
            re.findall(r'\b(?:env\.)?(?:text|integer|choice|path|names)\(\s*"([A-Z_]+)"', code)
        )
    assert {"OCELLUS_DEVICE", "SECRET_KEY", "REDIS_URL", "OCELLUS_ADMIN_PASSWORD"} <= read
    table = (
        (ROOT / "README.md").read_text(encoding="utf-8").split("| variable |")[1].split("\n\n")[0]
    )
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    explained = set(re.findall(r"`(\w+)`", " ".join(cells)))
    assert {name.removesuffix("_FILE") for name in explained} == read
