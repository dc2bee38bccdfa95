"""The cluster's side of a step, without a cluster."""

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_databricks.databricks_pyspark_step_launcher import DatabricksPySparkStepLauncher

from instacart_assets.databricks import preflight, remote
from instacart_assets.databricks.launcher import MendedStepLauncher, parse_report
from instacart_assets.databricks.resource import make_launcher_resource
from instacart_assets.settings import load_settings
from instacart_assets_tests.databricks.conftest import Launching

HEAVY = {"dagster_databricks", "databricks"}


def read(path: Path) -> Any:
    report = parse_report(path.read_bytes())
    assert report is not None
    return report


def test_the_script_starts_with_the_standard_library_alone() -> None:
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({remote.__file__!r})"], check=True
    )


@pytest.mark.parametrize(
    "code",
    [
        "import instacart_assets.databricks.remote",
        "from instacart_assets.databricks.resource import make_launcher_resource;"
        "from instacart_assets.settings import Settings;"
        "make_launcher_resource(Settings()); make_launcher_resource(Settings(target='databricks'))",
    ],
)
def test_nothing_that_reaches_a_workspace_is_imported_early(code: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert not HEAVY & set(told.stdout.split())


@pytest.mark.parametrize(
    ("target", "launcher", "kind"),
    [
        ("local", "mended", type(None)),
        ("databricks_remote", "mended", type(None)),
        ("databricks", "mended", MendedStepLauncher),
        ("databricks", "stock", DatabricksPySparkStepLauncher),
    ],
)
def test_each_target_has_the_launcher_that_is_set(
    launching: Launching, monkeypatch: pytest.MonkeyPatch, target: str, launcher: str, kind: type
) -> None:
    monkeypatch.setenv("INSTACART_TARGET", target)
    monkeypatch.setenv("INSTACART_DATABRICKS__LAUNCHER", launcher)
    asked: list[str] = []
    monkeypatch.setattr(preflight, "require_preflight", lambda settings: asked.append(settings.target))
    resource = make_launcher_resource(load_settings())
    with dg.build_resources({"launcher": resource}) as resources:
        assert type(resources.launcher) is kind
    assert asked == ([target] if kind is not type(None) else [])
    assert launching.workspace.calls == []


def test_a_report_holds_events_and_output_and_is_written_while_they_come(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "REPORT_SECONDS", 0.05)
    path = tmp_path / remote.REPORT
    report = remote.Report(path)
    with report.kept_up():
        print("first")  # noqa: T201
        report.events.append("an event")
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert read(path) == {"events": ["an event"], "stdout": "first\n", "stderr": ""}
        print("last", file=sys.stderr)  # noqa: T201
    assert read(path)["stderr"] == "last\n"
    assert capsys.readouterr() == ("first\n", "last\n")


def test_a_report_that_is_being_written_is_no_report() -> None:
    whole = gzip.compress(json.dumps({"events": [], "stdout": "x" * 1000, "stderr": ""}).encode())
    assert parse_report(whole) is not None
    assert [parse_report(whole[:size]) for size in range(len(whole))] == [None] * len(whole)


def test_what_goes_wrong_before_dagster_is_reported_too(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        remote.main(tmp_path)
    assert "FileNotFoundError" in read(tmp_path / remote.REPORT)["stderr"]


def test_secrets_are_looked_up_by_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    class Secrets:
        @staticmethod
        def get(scope: str, key: str) -> str:
            return f"the {key} of {scope}"

    class Utilities:
        secrets = Secrets()

    monkeypatch.setattr(remote, "dbutils", Utilities(), raising=False)
    monkeypatch.setattr(os, "environ", {})
    remote.set_environment({"environment": {"PLAIN": "text"}, "secrets": {"PASSWORD": ["vault", "password"]}})
    assert os.environ == {"PLAIN": "text", "PASSWORD": "the password of vault"}  # pragma: allowlist secret
