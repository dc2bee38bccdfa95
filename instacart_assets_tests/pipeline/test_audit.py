"""`make audit` asks about every pinned package, and fails for one that is known to be vulnerable or is not answered for."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from instacart_assets_tests.project_tree import ROOT, run_make
from instacart_assets_tests.test_locks import read_pins


class Advisories(BaseHTTPRequestHandler):
    """An advisory service that knows of the packages in `vulnerable`, and remembers what it was asked about."""

    vulnerable: ClassVar[set[str]] = set()
    asked: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = question["package"]["name"]
        self.asked.add(name)
        known = [{"id": "TEST-1", "modified": "2026-01-01T00:00:00Z", "summary": "It leaks.", "affected": []}]
        answer = json.dumps({"vulns": known} if name in self.vulnerable else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so named where it is inherited
        pass


@pytest.fixture
def service() -> Iterator[str]:
    Advisories.vulnerable.clear()
    Advisories.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/query"
        server.shutdown()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The Makefile and one lock."""
    (tmp_path / "locks").mkdir()
    for name in ("Makefile", "locks/runtime.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    return tmp_path


def test_every_pinned_package_is_asked_about(project: Path, service: str) -> None:
    done = run_make(project, "audit", f"AUDIT_OPTIONS=--vulnerability-service osv --osv-url {service}")
    assert done.returncode == 0, done.stderr
    assert {"dagster", "pysail", "great-expectations"} <= Advisories.asked
    assert len(Advisories.asked) > 0.8 * len(read_pins("runtime.txt")), "others are for other systems"


def test_a_vulnerable_package_fails_the_audit(project: Path, service: str) -> None:
    Advisories.vulnerable.add("dagster")
    done = run_make(project, "audit", f"AUDIT_OPTIONS=--vulnerability-service osv --osv-url {service}")
    assert done.returncode != 0
    assert "TEST-1" in done.stdout


def test_no_answer_is_no_good_answer(project: Path) -> None:
    options = "AUDIT_OPTIONS=--vulnerability-service osv --osv-url http://127.0.0.1:9/query"
    assert run_make(project, "audit", options).returncode != 0
