"""A deployment as compose.yaml has it, without its containers: the same commands and environments as processes.

Only what a container has of its own is put in place of what stands there: addresses of other services, and folders.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from instacart_assets_tests.deployment.composed import DEPLOY, Service, read_services
from instacart_assets_tests.deployment.postgres import Postgres, is_well
from instacart_assets_tests.processes import Processes, find_free_port

LOCATION, REPOSITORY = "instacart_assets", "__repository__"


@dataclass
class Deployed:
    """Its processes and where they are.

    Attributes:
        postgres: has the history.
        processes: all that was started, with a folder that the deployment lies in.
    """

    postgres: Postgres
    processes: Processes
    services: Mapping[str, Service] = field(default_factory=read_services)
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = {name: find_free_port() for name in ("code", "webserver", "analysts")}
        for name in ("home", "logs", "lake", "landing", "scratch"):
            (self.folder / name).mkdir()
        for name in ("dagster.yaml", "workspace.yaml"):
            shutil.copy(DEPLOY / name, self.folder / "home")

    @property
    def folder(self) -> Path:
        return self.processes.folder

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def read_environment(self, name: str) -> dict[str, str]:
        """The environment of a service; what compose.yaml does not give it, it does not have here either."""
        asked = self.services[name].environment
        own = {
            "DAGSTER_CODE_HOST": "127.0.0.1",
            "DAGSTER_CODE_PORT": str(self.ports["code"]),
            "DAGSTER_GRPC_HOST": "127.0.0.1",
            "DAGSTER_GRPC_PORT": str(self.ports["code"]),
            "DAGSTER_HOME": str(self.folder / "home"),
            "DAGSTER_LOGS": str(self.folder / "logs"),
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.postgres.port),
            "DAGSTER_WEBSERVER_HOST": "127.0.0.1",
            "DAGSTER_WEBSERVER_PORT": str(self.ports.get(name, 0)),
            "INSTACART_ENVIRONMENT": "laptop",  # what runs is what the test asks for
            "INSTACART_LAKE": str(self.lake),
            "INSTACART_LANDING": str(self.landing),
            "INSTACART_REPORT": str(self.lake / "_report/index.html"),
            "TMPDIR": str(self.folder / "scratch"),
        }
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.folder),
            "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1",
            **asked,
            **{key: value for key, value in own.items() if key in asked},
        }

    def run(self, name: str) -> str:
        """Run a service to its end; gives what it printed."""
        done = subprocess.run(
            self.services[name].command,
            env=self.read_environment(name),
            cwd=self.folder / "home",
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *names: str) -> None:
        """Start services, and wait until they are well."""
        for name in names:
            self.begin(name)
        for name in names:
            self.processes.wait_for(partial(self.is_well, name), f"{name} is not well")

    def begin(self, name: str) -> None:
        """Start a service."""
        self.running[name] = self.processes.start(
            self.services[name].command, self.read_environment(name), cwd=self.folder / "home"
        )

    def is_well(self, name: str) -> bool:
        """Whether a service's health check succeeds; one that has ended never will be."""
        assert self.running[name].poll() is None, f"{name} ended:\n{self.processes.read_logs()}"
        if name in self.ports and not is_open(self.ports[name]):  # a check takes seconds
            return False
        return is_well([*self.services[name].health_check], self.read_environment(name))

    def ask(self, name: str, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask a web server by GraphQL; gives the whole answer, with its errors."""
        _, body = self.post(name, "/graphql", {"query": query, "variables": variables or {}})
        answer: dict[str, Any] = json.loads(body)
        return answer

    def post(self, name: str, path: str, content: Mapping[str, Any]) -> tuple[int, str]:
        """Post JSON to a web server; gives status and body."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[name]}{path}",
            json.dumps(content).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - of this machine
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def is_open(port: int) -> bool:
    """Whether somebody listens on a port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
