import os
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import chromium, chromium_path
from tests.bundles import colour_bundle
from tests.stack import Stack

# Two tests run at a time, each with servers of its own: Playwright's five seconds are a quiet machine's.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not the session's: while it is open, Django takes this thread for one with an event loop.
    if chromium_path() is None:
        missing = "Chromium is not installed; on Debian: apt-get install chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One for all tests of a file, each with a visitor of its own."""
    with Stack(tmp_path_factory.mktemp("browser") / "installation") as stack:
        colour_bundle(stack.data_dir / "bundles" / "colours", knows_pictures=True)
        stack.install("colours")
        stack.start("redis", "web")
        yield stack


@pytest.fixture
def stack(installation: Stack) -> Iterator[Stack]:
    """The installation, where nobody answers until a test starts "inference"."""
    yield installation
    if installation.is_started("inference"):
        installation.stop("inference")


@pytest.fixture
def answering(stack: Stack) -> Stack:
    """The installation with somebody who answers."""
    stack.start("inference")
    return stack


@pytest.fixture
def visitor(stack: Stack) -> str:
    """The name of somebody who has not been here before."""
    name = f"ada-{uuid.uuid4().hex[:8]}"
    stack.create_users(name)
    return name
