"""What long-lived loops need of the database."""

from django.db import close_old_connections, connection


def drop_dead_connection() -> None:
    """Let go of a connection that the server has closed or that is too old; the next query opens
    another. Inside of a transaction nothing is touched: there the connection is in use."""
    if not connection.in_atomic_block:
        close_old_connections()
