"""Fixtures for all tests. What is in `webapp/` and `faults/` touches the database, and so runs on
PostgreSQL too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import colour_bundle
from tests.stack import Stack

DATABASE_FOLDERS = ("webapp", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    root = Path(__file__).parent
    for item in items:
        if item.path.relative_to(root).parts[0] in DATABASE_FOLDERS:
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The commands keep features below the home folder; a test's are nobody's business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """An installation without running processes; start those that a test needs."""
    with Stack(tmp_path / "installation") as stack:
        yield stack


@pytest.fixture
def colours(stack: Stack) -> Stack:
    """An installation whose recognizer tells colours, and ada, who has an account."""
    colour_bundle(stack.data_dir / "bundles" / "colours")
    stack.create_users("ada")
    stack.install("colours")
    return stack
