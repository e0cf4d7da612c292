"""The example client in docs/examples, on a running installation."""

import importlib.util
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.pictures import picture_bytes
from tests.stack import ROOT, Stack

FILE = ROOT / "docs" / "examples" / "ocellus_client.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ocellus_client", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for colour in ("red", "green", "blue"):
        (folder / f"{colour}.jpg").write_bytes(picture_bytes(colour))
    (folder / 'a "bad" one\n.jpg').write_bytes(b"words, no picture")
    return folder


def test_it_recognizes_one_or_many_and_one_bad_file_costs_no_other(
    colours: Stack, example: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = colours.create_api_key("ada")
    colours.start("redis", "web", "inference")
    ocellus = example.Ocellus(colours.url, key)

    assert [row["slug"] for row in ocellus.recognizers()] == ["colours"]
    [answer] = ocellus.recognize([folder / "red.jpg"])
    assert (answer["state"], answer["label"]) == ("done", "red")

    monkeypatch.setattr(example, "MAX_FILES", 2)  # several calls
    files = [folder / "green.jpg", folder / 'a "bad" one\n.jpg', folder / "blue.jpg"]
    green, bad, blue = ocellus.recognize(files, recognizer="colours")
    assert (green["label"], green["file_name"], blue["label"]) == ("green", "green.jpg", "blue")
    assert bad["state"] == "failed"
    assert bad["failure"]["code"] == "unknown_format"
    assert colours.states() == {"done": 3, "failed": 1}

    assert [row["label"] for row in ocellus.history(state="done", limit="2")] == [
        *("blue", "green", "red"),
    ]
    corrected = ocellus.correct(green, "wrong", true_label="turquoise")
    assert (corrected["verdict"], corrected["true_label"]) == ("wrong", "turquoise")
    assert ocellus.correct(green, "")["verdict"] is None
    ocellus.delete(bad)
    ocellus.delete(bad)  # the call may have been tried twice
    assert [row["id"] for row in ocellus.history(state="failed")] == []

    with pytest.raises(example.OcellusError, match="one of colours") as refused:
        ocellus.upload(files, recognizer="birds")
    assert (refused.value.status, refused.value.code) == (422, "recognizer_unknown")
    with pytest.raises(example.OcellusError) as refused:
        example.Ocellus(colours.url, "no key").recognizers()
    assert refused.value.code == "key_malformed"

    done = subprocess.run(
        [sys.executable, str(FILE), "--url", colours.url, *map(str, files)],
        env={"OCELLUS_KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert [line.split("\t")[::2] for line in done.stdout.splitlines()] == [
        ["green", "green.jpg"],
        ["blue", "blue.jpg"],
    ]
    assert "file of another kind" in done.stderr


class Server:
    """Answers call after call as it was told to."""

    def __init__(self, *replies: tuple[int, dict[str, str], bytes]) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        told = iter(replies)
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                calls.append((self.path, dict(self.headers), body))
                status, headers, content = next(told)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 - as the library calls it

            def log_message(self, *arguments: Any) -> None:
                """Nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Server":
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


BUSY = b'{"code": "rate_limited", "detail": "Too many."}'


@pytest.fixture
def naps(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it has slept: not at all."""
    naps: list[float] = []
    monkeypatch.setattr(example.time, "sleep", naps.append)
    return naps


def test_it_waits_as_it_is_told_and_sends_the_very_same_again(
    example: ModuleType, folder: Path, naps: list[float]
) -> None:
    busy, away = (429, {"Retry-After": "7"}, BUSY), (503, {}, b"<html>")
    with Server(busy, away, (202, {}, b'{"predictions": []}')) as server:
        assert example.Ocellus(server.url, "k").upload([folder / "red.jpg"]) == []
    assert naps == [7.0, 1.0]
    first, *others = server.calls
    assert others == [first, first]  # the same Idempotency-Key makes one record of it


def test_it_asks_again_until_a_picture_is_answered_or_the_time_is_over(
    example: ModuleType, naps: list[float]
) -> None:
    open_, done = ({"url": "/p", "state": state} for state in ("queued", "done"))
    replies = [(200, {}, json.dumps(each).encode()) for each in (open_, open_, done)]
    with Server(*replies) as server:
        ocellus = example.Ocellus(server.url, "k")
        assert ocellus.wait([open_]) == [done]
        assert [path for path, _, _ in server.calls] == ["/p"] * 3
        assert server.calls[0][1]["Prefer"] == "wait=30"
        with pytest.raises(example.NotAnswered) as waited:
            ocellus.wait([done, open_], timeout=0)
    assert waited.value.predictions == [done, open_]
    assert waited.value.code == "not_answered"


def test_it_gives_up_with_what_the_server_said(example: ModuleType, naps: list[float]) -> None:
    with Server(*[(429, {}, BUSY)] * 9) as server:
        with pytest.raises(example.OcellusError, match="Too many") as refused:
            example.Ocellus(server.url, "k").recognizers()
        assert (refused.value.status, refused.value.code) == (429, "rate_limited")
        assert len(server.calls) == example.TRIES
    with pytest.raises(example.OcellusError) as refused:
        example.Ocellus(server.url, "k").recognizers()  # nobody is there any more
    assert refused.value.code == "unreachable"
    with (
        Server((200, {}, b"<html>")) as server,
        pytest.raises(example.OcellusError, match="is not Ocellus"),
    ):
        example.Ocellus(server.url, "k").recognizers()
