"""What tests take away."""

import contextlib
from collections.abc import Iterator

from django.db import OperationalError, connection


@contextlib.contextmanager
def database_away() -> Iterator[None]:
    """No query gets through, and the error says what is nobody's business."""

    def fail(*arguments: object) -> None:
        raise OperationalError("server closed the connection: host=secret")

    with connection.execute_wrapper(fail):
        yield
