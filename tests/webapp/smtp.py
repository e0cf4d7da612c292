"""A mail server that takes what it is given."""

import socketserver
import threading
from types import TracebackType
from typing import Self


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say(b"220 at your service")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say(b"354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.messages.append(b"".join(lines).decode())  # type: ignore[attr-defined]
            self._say(b"221 good-bye" if verb == b"QUIT" else b"250 fine")
            if verb == b"QUIT":
                return

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class SmtpServer:
    """`messages` holds each mail as it came, headers and all."""

    def __init__(self) -> None:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler)
        self.messages: list[str] = []
        self._server.messages = self.messages  # type: ignore[attr-defined]
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
