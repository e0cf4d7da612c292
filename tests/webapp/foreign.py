"""A server that somebody else runs, good or bad: it says what a test has written, byte by byte."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import pytest

from webapp import outside
from webapp.outside import lines

Say = Callable[[socket.socket], None]


def says(
    body: bytes = b"",
    *,
    status: str = "200 OK",
    content_type: str = "image/jpeg",
    length: int | None = None,
    **headers: str,
) -> Say:
    """An ordinary answer."""
    head = {"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"}
    if length is not None:
        head["Content-Length"] = str(length)
    head |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())

    def say(line: socket.socket) -> None:
        line.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)

    return say


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server: ForeignServer = self.server.foreign  # type: ignore[attr-defined]
        line = self.request
        try:
            if server.tls is not None:
                line = server.tls.wrap_socket(line, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = line.recv(65536)
                if not piece:
                    return
                head += piece
            head, _, body = head.partition(b"\r\n\r\n")
            for each in head.split(b"\r\n"):
                if each.lower().startswith(b"content-length:"):
                    while len(body) < int(each.partition(b":")[2]):
                        body += line.recv(65536)
            server.requests.append(head.decode())
            server.bodies.append(body)
            path = head.split(b" ")[1].decode()
            server.answers.get(path, server.otherwise)(line)
        except OSError:
            pass  # who asked has gone
        finally:
            line.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class ForeignServer:
    """`answers`: what it says to each path, else `otherwise`. `requests`: the heads of what came;
    `bodies`: what came behind them."""

    def __init__(self, otherwise: Say | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.foreign = self  # type: ignore[attr-defined]
        self.otherwise = otherwise or says()
        self.tls = tls
        self.answers: dict[str, Say] = {}
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.port = int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def within_reach(monkeypatch: pytest.MonkeyPatch, server: ForeignServer) -> None:
    """Here a server is on loopback, and on a port of its own: 127.0.0.1 is taken for a public address,
    the others of its network are not."""
    really = lines.is_public
    monkeypatch.setattr(lines, "is_public", lambda ip: ip == "127.0.0.1" or really(ip))
    monkeypatch.setattr(outside, "_PICTURE_PORTS", {80, 443, server.port})
