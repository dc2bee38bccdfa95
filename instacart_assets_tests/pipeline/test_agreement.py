"""Workflows, Makefile, locks, bundle and documentation speak of the same things."""

import os
import re
import tomllib

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from instacart_assets_tests.pipeline.workflows import (
    USED,
    WORKFLOWS,
    list_jobs,
    list_scripts,
    read_actions_text,
    read_workflow,
)
from instacart_assets_tests.project_tree import ROOT, run_make
from instacart_assets_tests.test_locks import read_pins

BUNDLE = ROOT / "databricks.yml"
DEPLOYMENT = read_workflow("deploy-to.yml")["jobs"]["deploy"]
has_bundle = pytest.mark.skipif(not BUNDLE.is_file(), reason="there is no databricks.yml")


def test_ci_tests_every_python_that_the_project_promises() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    tested = read_workflow("ci.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"]
    stated = [one.rpartition(" :: ")[2] for one in project["classifiers"] if " :: Python :: 3." in one]
    allowed = SpecifierSet(project["requires-python"])
    assert tested == stated == [one for one in (f"3.{minor}" for minor in range(30)) if one in allowed]


def test_every_script_calls_what_there_is() -> None:
    targets = {
        target for _, script in list_scripts() for target in re.findall(r"\bmake ([\w./-]*\w)", script)
    }
    assert {"lint", "test", "docs", "audit", "secrets", "release-check", "deploy"} <= targets
    for target in targets:
        done = run_make(ROOT, "--dry-run", target)
        assert done.returncode == 0, f"make {target}: {done.stderr}"
    commands = {command for _, script in list_scripts() for command in re.findall(r"\.ci/[\w-]+", script)}
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)


def test_a_branch_waits_for_every_job() -> None:
    jobs = read_workflow("ci.yml")["jobs"]
    assert jobs["passed"]["needs"] == [name for name in jobs if name not in {"passed", "dev"}]
    assert jobs["dev"]["needs"] == "passed"


def test_an_action_has_one_commit_and_says_its_version() -> None:
    used = [match.groupdict() for match in USED.finditer(read_actions_text())]
    assert len(used) > 10
    assert all(re.fullmatch(r"[0-9a-f]{40}", one["commit"]) and one["version"] for one in used)
    pins = {(one["action"], one["commit"], one["version"]) for one in used}
    assert len(pins) == len({action for action, _, _ in pins})


def test_tools_have_the_versions_of_the_locks() -> None:
    pins = read_pins("dev.txt")
    versions = re.findall(r"uses: ([\w/-]+)@.*\n\s+with:\n\s+version: ([\d.]+)", read_actions_text())
    assert dict(versions) == {
        "astral-sh/setup-uv": pins["uv"][0],
        "databricks/setup-cli": pins["databricks-bundles"][0],
    }


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_do_nothing_that_a_job_does_not_ask_for(name: str) -> None:
    workflow = read_workflow(name)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


def test_who_can_write_runs_no_code_of_dependencies() -> None:
    writing = [
        (name, job)
        for name, job in list_jobs()
        if job["permissions"].get("contents") == "write" or "pages" in job["permissions"]
    ]
    assert len(writing) == 3
    for name, job in writing:
        scripts = " ".join(step.get("run", "") for step in job["steps"])
        assert not re.search(r"make|pip|\.ci/|python", scripts.replace("Made by make lock", "")), name


def test_no_workflow_takes_a_stored_secret() -> None:
    assert "secrets." not in read_actions_text()
    assert DEPLOYMENT["env"]["DATABRICKS_AUTH_TYPE"] == "github-oidc"


def test_what_has_to_be_set_on_github_is_documented() -> None:
    variables = set(re.findall(r"vars\.(\w+)", read_actions_text()))
    page = (ROOT / "docs/how-to/release.md").read_text("utf-8")
    assert "DATABRICKS_HOST" in variables
    assert {name for name in variables if f"`{name}`" not in page} == set()
    environments = {
        job["with"]["environment"] for _, job in list_jobs() if "environment" in job.get("with", {})
    }
    assert environments == {"dev", "staging", "prod"}
    assert all(f"`{name}`" in page for name in environments | {"release", "github-pages"})


@has_bundle
def test_what_the_bundle_asks_for_is_given() -> None:
    bundle = yaml.safe_load(BUNDLE.read_text("utf-8"))
    given = {name.removeprefix("BUNDLE_VAR_") for name in DEPLOYMENT["env"] if name.startswith("BUNDLE_VAR_")}
    assert given <= bundle["variables"].keys()
    for target, described in bundle["targets"].items():
        settled = {name for name, one in bundle["variables"].items() if {"default", "lookup"} & one.keys()}
        settled |= described.get("variables", {}).keys()
        assert bundle["variables"].keys() - settled <= given, target


@has_bundle
def test_every_target_of_the_bundle_is_deployed() -> None:
    bundle = yaml.safe_load(BUNDLE.read_text("utf-8"))
    deployed = {job["with"]["environment"] for _, job in list_jobs() if "environment" in job.get("with", {})}
    assert deployed == bundle["targets"].keys()
