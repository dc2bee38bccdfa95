"""A PostgreSQL of a test's own: a fresh cluster on a free port of the loopback, made as its image makes one."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from instacart_assets_tests.deployment.composed import DEPLOY, Service
from instacart_assets_tests.processes import Processes, find_free_port

SYSTEM_USER = "postgres"
"""Who runs it where the test is root, whom PostgreSQL refuses."""


@dataclass(frozen=True)
class Postgres:
    """A running server.

    Attributes:
        port: on the loopback.
        programs: folder of PostgreSQL's programs.
        environment: what its programs need to reach the database as its owner.
    """

    port: int
    programs: Path
    environment: Mapping[str, str]

    def ask(self, sql: str, role: Mapping[str, str]) -> str:
        """What a role is told."""
        command = [
            str(self.programs / "psql"),
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--command",
            sql,
        ]
        environment = {**self.environment, **role}
        said = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
        return (said.stdout + said.stderr).strip()

    def dump(self) -> str:
        """Every row of the database as text, without what each dump says of itself."""
        command = [str(self.programs / "pg_dump"), "--data-only", "--inserts", "--no-owner"]
        said = subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True)
        return "\n".join(line for line in said.stdout.splitlines() if not line.startswith(("--", "\\")))


def find_programs() -> Path:
    """The folder of PostgreSQL's programs; where there is none, the test is skipped."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders or not (folders[-1] / "initdb").exists():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return folders[-1]


@contextmanager
def serve_postgres(service: Service, processes: Processes) -> Iterator[Postgres]:
    """A server with the database, the owner and the reader that the service of compose.yaml has."""
    programs, port, asked = find_programs(), find_free_port(), service.environment
    is_root = os.geteuid() == 0
    user = SYSTEM_USER if is_root else None
    with TemporaryDirectory(prefix="postgres-") as folder:
        password, data = Path(folder, "password"), Path(folder, "data")
        password.write_text(asked["POSTGRES_PASSWORD"])
        if is_root:
            account = pwd.getpwnam(SYSTEM_USER)
            for path in (Path(folder), password):
                os.chown(path, account.pw_uid, account.pw_gid)
        environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": asked["POSTGRES_USER"],
            "PGDATABASE": asked["POSTGRES_DB"],
            "PGPASSWORD": asked["POSTGRES_PASSWORD"],
        }
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", data, "--username", asked["POSTGRES_USER"]),
                *("--pwfile", password, "--auth-local=scram-sha-256", "--no-sync", "--encoding=UTF8"),
                *asked["POSTGRES_INITDB_ARGS"].split(),
            ],
            check=True,
            capture_output=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            env=environment,
            cwd=folder,
        )
        processes.start(
            [
                *(str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", folder),
                *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"),
            ],
            environment,
            cwd=Path(folder),
            user=user,
        )
        processes.wait_for(
            lambda: is_well([programs / "pg_isready", "--quiet"], environment), "no PostgreSQL"
        )
        subprocess.run(
            [programs / "createdb", "--maintenance-db=postgres", asked["POSTGRES_DB"]],
            env=environment,
            check=True,
        )
        subprocess.run([DEPLOY / "postgres" / "reader.sh"], env={**environment, **asked}, check=True)
        yield Postgres(port, programs, environment)


def is_well(command: list[Path | str], environment: Mapping[str, str]) -> bool:
    """Whether a check of a service's health succeeds."""
    return subprocess.run(command, env=environment, check=False, capture_output=True).returncode == 0
