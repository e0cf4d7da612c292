"""Answers that are made while they are sent."""

from collections.abc import Iterable
from typing import Any, cast

from django.core.signals import request_finished
from django.db import close_old_connections


def pieces_of(response: Any) -> list[bytes]:
    """All of it; the test client closes it at the end, as a server does."""
    assert response.status_code == 200
    assert response.streaming
    return list(cast("Iterable[bytes]", response.streaming_content))


def hang_up(response: Any) -> None:
    """Close it, whatever was read of it. A test's transaction is none that a request has left open."""
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)
