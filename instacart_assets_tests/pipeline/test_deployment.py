"""What is deployed is what CI passed: the same commit, the same wheel, in one order, stopped by the first fault."""

import os
import subprocess
from pathlib import Path

import pytest

from instacart_assets_tests.pipeline.workflows import read_workflow
from instacart_assets_tests.project_tree import ROOT, run_make

COMMIT = "c0ffee12" * 5


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of commands that come before those of the machine."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "bin"


def write_command(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/usr/bin/env bash\n{script}\n", "utf-8")
    (folder / name).chmod(0o755)


def find_run(commit: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / ".ci/find-run", commit], capture_output=True, check=False, text=True)


def test_a_commit_that_passed_is_found_with_its_run(commands: Path) -> None:
    write_command(commands, "gh", f'[[ "$*" == *"--commit {COMMIT} --status success"* ]] && echo 4711')
    assert find_run(COMMIT).stdout == "4711\n"


def test_a_commit_that_did_not_pass_is_not_deployed(commands: Path) -> None:
    write_command(commands, "gh", "exit 0")
    done = find_run(COMMIT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "did not pass CI on main" in done.stderr


@pytest.mark.parametrize("commit", ["main", COMMIT[:7], f"{COMMIT} --status failure"])
def test_what_names_no_commit_in_full_is_not_deployed(commands: Path, commit: str) -> None:
    write_command(commands, "gh", "echo 4711")
    done = find_run(commit)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is no commit" in done.stderr


def test_a_deployment_takes_the_wheel_that_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text("utf-8"), "utf-8")
    (tmp_path / "wheel").mkdir()
    (tmp_path / "wheel/tried-1.whl").write_text("tried")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/left_over-0.whl").touch()
    assert run_make(tmp_path, "wheel", "WHEEL=wheel/*.whl").returncode == 0
    assert [(path.name, path.read_text()) for path in (tmp_path / "dist").iterdir()] == [
        ("tried-1.whl", "tried")
    ]


def test_a_deployment_is_validated_made_and_tried(commands: Path) -> None:
    write_command(commands, "databricks", f'echo "$*" >> {commands}/asked')
    assert run_make(ROOT, "deploy", "TARGET=staging").returncode == 0
    assert (commands / "asked").read_text().splitlines() == [
        "bundle validate --strict --target staging",
        "bundle deploy --target staging",
        "bundle run --target staging instacart_lakehouse",
    ]


def test_a_bundle_that_is_not_valid_is_not_deployed(commands: Path) -> None:
    write_command(commands, "databricks", f'echo "$*" >> {commands}/asked; exit 1')
    assert run_make(ROOT, "deploy").returncode != 0
    assert (commands / "asked").read_text() == "bundle validate --strict --target dev\n"


def test_a_variable_that_is_not_set_on_github_is_left_to_the_bundle(commands: Path) -> None:
    write_command(
        commands, "make", f'echo "$*" > {commands}/asked; printenv | grep BUNDLE_VAR >> {commands}/asked'
    )
    (script,) = [
        step["run"]
        for step in read_workflow("deploy-to.yml")["jobs"]["deploy"]["steps"]
        if step.get("name") == "Deploy"
    ]
    given = {"TARGET": "prod", "BUNDLE_VAR_principal": "the one", "BUNDLE_VAR_catalog": ""}
    subprocess.run(["bash", "-eo", "pipefail", "-c", script], env=os.environ | given, check=True)
    assert (commands / "asked").read_text() == "deploy TARGET=prod\nBUNDLE_VAR_principal=the one\n"
