"""Dagster's web UI and daemon on a lake of their own, and a headless Chromium that looks at them.

Defines what the tests of the UI and the script of the screenshots share. What is looked at, they say themselves.
"""

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.error import URLError

from playwright.sync_api import Browser, sync_playwright

from instacart_assets_tests.processes import SECONDS, Processes, find_free_port
from instacart_assets_tests.project_tree import ROOT

BROWSERS = ("chromium", "google-chrome", "chromium-browser")
"""Commands that start a Chromium; the first that there is."""

Scheme = Literal["light", "dark"]

PATIENCE = SECONDS * 1_000
"""How long a browser waits for anything, in milliseconds; only what never comes takes it."""

SITE, SOURCE = "https://owner.example/lakehouse", "https://github.com/owner/lakehouse"
"""Where documentation and source are said to be."""


@dataclass(frozen=True)
class Reading:
    """How a page looks to who reads it.

    Attributes:
        beyond: pixels that it is wider than the window.
        brightness: of its ground, 0 to 255.
        focus: what the first press of the key Tab leads to.
        problems: errors of its scripts, and of what it loads.
    """

    beyond: int
    brightness: float
    focus: str
    problems: tuple[str, ...]


@dataclass
class WebUi:
    """The web UI with its daemon, as `make ui` starts them.

    Attributes:
        processes: all that was started, with a folder for lake, landed files and history.
        settings: environment variables beside those that say where these are.
    """

    processes: Processes
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=find_free_port)

    def __post_init__(self) -> None:
        self.home.mkdir()
        kept = (ROOT / "deploy" / "local" / "dagster.yaml").read_text("utf-8")
        patience = f"code_servers:\n  local_startup_timeout: {SECONDS}\n"
        (self.home / "dagster.yaml").write_text(kept + patience, "utf-8")

    @property
    def home(self) -> Path:
        return self.processes.folder / "home"

    @property
    def landing(self) -> Path:
        return self.processes.folder / "landing"

    @property
    def report(self) -> Path:
        return self.processes.folder / "report.html"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DAGSTER_HOME": str(self.home),
            "INSTACART_LAKE": str(self.processes.folder / "lake"),
            "INSTACART_LANDING": str(self.landing),
            "INSTACART_LINKS__DOCS": SITE,
            "INSTACART_LINKS__REPOSITORY": SOURCE,
            "INSTACART_REPORT": str(self.report),
            **self.settings,
        }

    def start(self) -> None:
        """Start it; it is there when it answers."""
        self.begin(
            "dagster", "dev", "--workspace", "workspace.yaml", "--host", "127.0.0.1", "--port", str(self.port)
        )

    def begin(self, command: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a command of the environment that this runs in."""
        program = Path(sys.executable).parent / command
        return self.processes.start([str(program), *words], self.environment, cwd=ROOT)

    def run(self, *words: str) -> int:
        """Build tables by the command line, into the same history; gives the exit status."""
        process = self.begin("instacart", "run", *words)
        self.processes.wait_for(lambda: process.poll() is not None, "the run does not end")
        return process.returncode

    def wait_until_there(self) -> None:
        self.processes.wait_for(self.is_there, "the web UI does not answer")

    def is_there(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/server_info", timeout=10) as answer:  # noqa: S310 - of this machine
                return bool(answer.status == 200)
        except (URLError, TimeoutError, ConnectionError):
            return False


def find_browser() -> str | None:
    """The Chromium of this machine, if there is one."""
    return next((path for command in BROWSERS if (path := shutil.which(command))), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless Chromium, the one of this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), timeout=PATIENCE)
        yield browser
        browser.close()


WIDTHS = (375, 1280)
"""A phone and a desk, in pixels."""


def read_page(browser: Browser, file: Path, width: int, scheme: Scheme) -> Reading:
    """Open a page of this machine as a reader does, with a key pressed to go to the first thing that can be followed."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda told: problems.append(told.text) if told.type == "error" else None)
    page.goto(file.as_uri())
    page.keyboard.press("Tab")
    look = """() => ({
      beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      brightness: getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number),
      focus: document.activeElement.tagName,
    })"""
    seen = page.evaluate(look)
    page.close()
    return Reading(seen["beyond"], sum(seen["brightness"]) / 3, seen["focus"], tuple(problems))
