"""Jupyter in a real browser: for tests/browser, `benchmarks.latency` and `benchmarks.screenshots`.

`serve` runs a Jupyter server of its own (JupyterLab, Notebook 7 and Voila), `open_chromium` a browser without a screen,
and `Visit` is a notebook in it. Needs the extra ``browser`` and Chromium.
"""

import ast
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT = 180.0
"""Seconds until a server, a notebook or a picture is given up."""

SETTINGS = {
    "config/jupyter_lab_config.json": {"LabApp": {"expose_app_in_browser": True}},
    "config/jupyter_notebook_config.json": {"JupyterNotebookApp": {"expose_app_in_browser": True}},
    "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}
"""File below the server's own folder -> what it says: no news, and the page's commands can be called."""

FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "run",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
"""Variable of the environment -> folder below the server's own."""

PATHS = {"lab": "lab/tree/{name}?reset", "notebook": "notebooks/{name}", "voila": "voila/render/{name}"}
"""Front end -> where a notebook is shown."""

READY = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return session?.isReady && session.session?.kernel?.connectionStatus === "connected";
}"""

ASK = """async (expression) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const request = { code: "", store_history: false, user_expressions: { value: expression } };
  const found = (await kernel.requestExecute(request).done).content.user_expressions.value;
  return found.status === "ok" ? found.data["text/plain"] : `raise ${found.ename}: ${found.evalue}`;
}"""


def why_absent() -> str:
    """What is missing on this machine for a browser; empty if nothing is."""
    for package in ("playwright", "jupyterlab", "notebook", "voila"):
        if find_spec(package) is None:
            return f"{package} is not installed: python -m pip install -e '.[browser]'"
    return "" if find_chromium() else f"none of {', '.join(NAMES)} is on the PATH: apt-get install chromium"


def find_chromium() -> str | None:
    """Path of the browser, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def write_notebook(path: Path, cells: Sequence[str]) -> Path:
    """Write code cells as a notebook."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


@contextmanager
def serve(folder: Path) -> Iterator[dict[str, str]]:
    """Run a Jupyter server on loopback over a folder, with settings of its own, and stop it in the end.

    Yields
    ------
    dict
        ``url`` and ``token``.

    Raises
    ------
    RuntimeError
        If it does not start, with the last line that it said.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own, socket.socket() as free:
        for name, says in SETTINGS.items():
            (Path(own) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(own) / name).write_text(json.dumps(says), "utf-8")
        places = {variable: f"{own}/{place}" for variable, place in FOLDERS.items()}
        free.bind(("127.0.0.1", 0))
        port, token = free.getsockname()[1], secrets.token_hex(16)
        free.close()
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
        command += [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
        told = Path(own) / "log"
        with told.open("w") as log:
            env = os.environ | places | {"JUPYTER_TOKEN": token}
            server = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            _await_server(server, port, told)
            yield {"url": f"http://127.0.0.1:{port}", "token": token}
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await_server(server: subprocess.Popen[bytes], port: int, told: Path) -> None:
    end = time.monotonic() + WAIT
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError(f"Jupyter did not start: {(told.read_text('utf-8').strip().splitlines() or ['no word'])[-1]}")


@contextmanager
def open_chromium() -> "Iterator[Browser]":
    """A browser without a screen, closed in the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_chromium(), args=list(SWITCHES))
        try:
            yield browser
        finally:
            browser.close()


def gather_errors(page: "Page") -> list[str]:
    """What the page's console says of errors from now on; the list grows."""
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
    return errors


@dataclass
class Visit:
    """A notebook in a browser, with an explorer or a panel on screen.

    Attributes
    ----------
    page : Page
    errors : list of str
        That the console told.
    """

    page: "Page"
    errors: list[str]

    @property
    def panel(self) -> "Locator":
        """The panel that is seen."""
        return self.page.locator(".sb-panel[data-count]:visible").first

    def ask(self, expression: str) -> Any:
        """Value of a Python expression in the kernel, through JSON."""
        text = self.page.evaluate(ASK, f"__import__('json').dumps({expression})")
        if text.startswith("raise "):
            raise RuntimeError(f"{expression}: {text}")
        return json.loads(ast.literal_eval(text))

    def open_tab(self, title: str) -> None:
        """Open a tab of the explorer, and wait for its panel."""
        self.page.locator(".jupyter-widgets .lm-TabBar-tab", has_text=title).first.click()
        self.panel.wait_for(timeout=WAIT * 1000)
        self.page.wait_for_timeout(100)

    def settle(self, panel: str) -> None:
        """Wait until movements have ended, and the screen shows the last view of a panel, a Python expression."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            self.page.wait_for_timeout(250)
            moving, count = self.ask(f"[{panel}.moving, {panel}.view['scene']['count']]")
            if not moving and self.panel.get_attribute("data-count") == str(count):
                return
        raise TimeoutError(f"{panel} does not come to rest on screen")


def visit(browser: "Browser", server: dict[str, str], name: str, *, app: str = "lab", dark: bool = False) -> Visit:
    """Open a notebook in a front end of `PATHS`, run it, and wait for a panel."""
    page = browser.new_page(viewport={"width": 1240, "height": 1000}, color_scheme="dark" if dark else "light")
    page.set_default_timeout(WAIT * 1000)
    errors = gather_errors(page)
    path = PATHS[app].format(name=name)
    page.goto(f"{server['url']}/{path}{'&' if '?' in path else '?'}token={server['token']}")
    if app != "voila":
        page.wait_for_function(READY)
        page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(".sb-panel[data-count]")
    page.locator(".sb-panel").first.scroll_into_view_if_needed()
    return Visit(page, errors)
