"""One Jupyter server for all, over a folder with a small posterior and a notebook that explores it."""

import pytest

from benchmarks.browser import open_chromium, serve, why_absent
from benchmarks.latency import write_explorer


@pytest.fixture(scope="session")
def needs_browser():
    if absent := why_absent():
        pytest.skip(absent)


@pytest.fixture(scope="session")
def folder(needs_browser, tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def posterior(folder):
    return write_explorer(folder, groups=2, draws=60)


@pytest.fixture(scope="session")
def server(folder, posterior):
    with serve(folder) as found:
        yield found


@pytest.fixture(
    scope="module"
)  # no longer: while it lives an event loop runs, and notebooks of other tests need their own
def chromium(needs_browser):
    with open_chromium() as browser:
        yield browser
