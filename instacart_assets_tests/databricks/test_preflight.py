"""Preflight against an emulated workspace: every fault is told, with its remedy, in bounded time."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.mixins.workspace import WorkspaceExt
from databricks.sdk.service.compute import LibrariesAPI, Library, LibraryFullStatus, PythonPyPiLibrary
from typer.testing import CliRunner, Result

from instacart_assets.cli import app
from instacart_assets.databricks import inspections
from instacart_assets.databricks.cluster_checks import Host
from instacart_assets.databricks.outcomes import Outcome
from instacart_assets.databricks.preflight import PreflightError, require_preflight, run_preflight
from instacart_assets.settings import DatabricksSettings, Settings
from instacart_assets_tests.databricks.wheels import make_wheel
from instacart_assets_tests.landing_files import write_file, write_landing
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace
from instacart_assets_tests.workspace.people import CALLER

HOST = Host("3.12", version("dagster"))
STAGING = "/Volumes/main/ops/staging"
WHEELS = "/Volumes/main/ops/wheels"
OWN = f"{WHEELS}/instacart_assets-0.1.0-py3-none-any.whl"
PIN = f"dagster=={version('dagster')}"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedWorkspace]:
    """A workspace in which all is well: files have landed, and the wheel lies in a volume."""
    with EmulatedWorkspace(
        tmp_path / "workspace", volumes=["main.ops.staging", "main.ops.wheels"], has_spark=False
    ) as emulated:
        write_landing(emulated.folders.dbfs / "landing")
        write_landing(emulated.folders.find(f"{STAGING}/landing"))
        upload(emulated, OWN, make_wheel("instacart-assets", "0.1.0", [PIN]))
        enter(emulated, monkeypatch)
        yield emulated


def enter(workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", workspace.token)


def upload(workspace: EmulatedWorkspace, path: str, content: bytes) -> None:
    place = workspace.folders.find(path)
    write_file(place.parent, place.name, content)


def make_settings(
    workspace: EmulatedWorkspace, databricks: dict[str, Any] | None = None, **chosen: Any
) -> Settings:
    """Settings with which all is well, except those that are chosen."""
    asked = {"cluster_id": workspace.cluster_id, "libraries": (OWN,), **(databricks or {})}
    return Settings(
        **{
            "target": "databricks",
            "landing": "dbfs:/landing",
            "lake": "dbfs:/lake",
            "databricks": DatabricksSettings(**asked),
            **chosen,
        }
    )


def check(settings: Settings, host: Host = HOST) -> dict[str, Outcome]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspections, "read_host", lambda: host)
        return {outcome.check: outcome for outcome in run_preflight(settings)}


def list_faults(found: dict[str, Outcome]) -> list[str]:
    return [name for name, outcome in found.items() if outcome.state == "failed"]


def test_where_all_is_well_every_check_passes_and_nothing_is_left_behind(
    workspace: EmulatedWorkspace,
) -> None:
    found = check(make_settings(workspace))
    assert {name: outcome.state for name, outcome in found.items()} == dict.fromkeys(
        [
            "credentials",
            "cluster",
            "python",
            "spark",
            "access mode",
            "libraries",
            "dagster",
            "staging",
            "landing",
            "lake",
        ],
        "passed",
    )
    assert found["credentials"].seen == f"{CALLER} at {workspace.host}"
    assert "first run makes it" in found["lake"].seen
    assert list((workspace.folders.dbfs / "dagster_staging").iterdir()) == []


def test_a_volume_is_staged_in_for_the_target_that_stages_there(workspace: EmulatedWorkspace) -> None:
    databricks = {"staging": f"{STAGING}/steps"}
    places = {"landing": f"{STAGING}/landing", "lake": f"{STAGING}/lake", "scratch": f"{STAGING}/scratch"}
    found = check(make_settings(workspace, databricks, target="databricks_uc", **places))
    assert list_faults(found) == []
    assert found["staging"].seen.startswith(f"{STAGING}/steps was written")
    assert not any(call.path.startswith("/api/2.0/dbfs/create") for call in workspace.calls)


def test_a_wrong_token_is_told_and_nothing_else_is_asked(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-wrong")
    found = check(make_settings(workspace))
    assert list_faults(found) == ["credentials"]
    assert "Invalid access token" in found["credentials"].seen
    assert "DATABRICKS_TOKEN" in found["credentials"].seen
    assert {outcome.state for name, outcome in found.items() if name != "credentials"} == {"skipped"}
    assert len(workspace.calls) == 1


def test_without_an_address_it_is_said_what_to_set(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = make_settings(workspace)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DATABRICKS_HOST")
    monkeypatch.delenv("DATABRICKS_TOKEN")
    assert "DATABRICKS_HOST" in check(settings)["credentials"].seen


def test_a_workspace_that_cannot_be_reached_is_given_up_in_bounded_time(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "ANSWER_SECONDS", 1.0)
    settings = make_settings(workspace)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{silent.getsockname()[1]}")
        found = check(settings)
    assert list_faults(found) == ["credentials"]
    assert "has not answered for 1 s" in found["credentials"].seen


def test_a_workspace_that_falls_silent_on_the_way_is_not_asked_again(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "ANSWER_SECONDS", 1.0)
    workspace.faults.drop("", "/api/2.0/dbfs/.*", times=1_000)
    found = check(make_settings(workspace))
    assert list_faults(found) == ["staging"]
    assert (found["landing"].state, found["lake"].state) == ("skipped", "skipped")


@pytest.mark.parametrize(
    ("runtime", "states", "seen"),
    [
        (
            "15.4.x-scala2.12",
            ("failed", "failed"),
            "Python 3.12 here, Python 3.11 in the runtime 15.4.x-scala2.12",
        ),
        ("16.4.x-photon-scala2.12", ("passed", "failed"), "Python 3.12 here and"),
        ("18.2.x-scala2.13", ("passed", "passed"), "Python 3.12 here and"),
        ("19.x-scala2.13", ("warned", "warned"), "is not known here"),
        ("17.9.x-scala2.13", ("warned", "warned"), "is not known here"),
    ],
)
def test_python_and_spark_are_compared_with_the_runtime(
    workspace: EmulatedWorkspace, runtime: str, states: tuple[str, str], seen: str
) -> None:
    cluster = workspace.clusters.add(spark_version=runtime)
    found = check(make_settings(workspace, {"cluster_id": cluster.cluster_id}))
    assert (found["python"].state, found["spark"].state) == states
    assert seen in found["python"].seen


def test_a_python_mismatch_says_both_ways_out(workspace: EmulatedWorkspace) -> None:
    found = check(make_settings(workspace), Host("3.11", HOST.dagster))
    assert list_faults(found) == ["python"]
    assert "run Dagster with Python 3.12, or choose a runtime with Python 3.11" in found["python"].remedy


def test_the_python_of_an_image_of_ones_own_is_not_guessed(workspace: EmulatedWorkspace) -> None:
    cluster = workspace.clusters.add(docker_image={"url": "images/instacart:1"})
    found = check(make_settings(workspace, {"cluster_id": cluster.cluster_id}), Host("3.11", HOST.dagster))
    assert found["python"].state == "warned"
    assert "see that it is Python 3.11" in found["python"].remedy


@pytest.mark.parametrize(
    ("requires", "state", "seen"),
    [
        (["dagster==1.0.0"], "failed", "dagster==1.0.0 on the cluster (instacart-assets → dagster)"),
        (["dagster>=1.13,<1.14"], "warned", "which may become another"),
        (["dagster==1.13.*"], "warned", "which may become another"),
        ([], "warned", "no library brings Dagster"),
    ],
)
def test_the_cluster_needs_the_dagster_that_launches(
    workspace: EmulatedWorkspace, requires: list[str], state: str, seen: str
) -> None:
    upload(workspace, OWN, make_wheel("instacart-assets", "0.1.0", requires))
    found = check(make_settings(workspace))["dagster"]
    assert found.state == state
    assert seen in found.seen
    assert PIN in found.remedy


def test_a_pin_beside_the_wheel_settles_dagster(workspace: EmulatedWorkspace) -> None:
    upload(workspace, OWN, make_wheel("instacart-assets", "0.1.0", ["dagster>=1.13,<1.14"]))
    assert check(make_settings(workspace, {"libraries": (OWN, PIN)}))["dagster"].state == "passed"


def test_libraries_that_would_bring_pyspark_are_refused_with_the_way_to_it(
    workspace: EmulatedWorkspace,
) -> None:
    found = check(make_settings(workspace, {"libraries": (OWN, "dagster-databricks")}))
    assert list_faults(found) == ["libraries"]
    assert "dagster-databricks → dagster-pyspark → pyspark" in found["libraries"].seen
    assert "take dagster-databricks out of INSTACART_DATABRICKS__LIBRARIES" in found["libraries"].remedy


def test_a_list_of_requirements_is_read(workspace: EmulatedWorkspace) -> None:
    lines = b"# ours\n--index-url https://example.com/simple\npyyaml\n\ndagster-pyspark  # for the session\n"
    upload(workspace, f"{WHEELS}/requirements.txt", lines)
    found = check(make_settings(workspace, {"libraries": (OWN, f"{WHEELS}/requirements.txt")}))
    assert "dagster-pyspark → pyspark" in found["libraries"].seen
    upload(workspace, f"{WHEELS}/requirements.txt", lines.replace(b"dagster-pyspark", b"rich"))
    found = check(make_settings(workspace, {"libraries": (OWN, f"{WHEELS}/requirements.txt")}))
    assert found["libraries"].state == "warned"
    assert "--index-url https://example.com/simple" in found["libraries"].seen


@pytest.mark.parametrize(
    ("library", "state", "seen"),
    [
        (f"{WHEELS}/missing-1.0-py3-none-any.whl", "failed", "there is no"),
        ("dist/instacart_assets-0.1.0-py3-none-any.whl", "failed", "is no file of the workspace"),
        ("dbfs:/things-1.0-py3-none-any.whl", "failed", "takes no library from DBFS"),
        ("no package at all", "failed", "is no package as pip names them"),
        (f"{WHEELS}/old-1.0-py3-none-any.whl", "failed", "takes Python <3.12, and Python 3.12 is there"),
        ("no-such-package-anywhere", "warned", "what no-such-package-anywhere would bring cannot be told"),
    ],
)
def test_a_library_that_cannot_be_installed_is_told(
    workspace: EmulatedWorkspace, library: str, state: str, seen: str
) -> None:
    upload(workspace, "dbfs:/things-1.0-py3-none-any.whl", make_wheel("things", "1.0", [PIN]))
    upload(workspace, f"{WHEELS}/old-1.0-py3-none-any.whl", make_wheel("old", "1.0", [PIN], python="<3.12"))
    found = check(make_settings(workspace, {"libraries": (library,)}))["libraries"]
    assert found.state == state
    assert seen in found.seen


def test_what_is_on_a_cluster_already_counts(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The emulated workspace keeps no libraries of a cluster: the SDK's own answer stands in.
    present = [
        LibraryFullStatus(library=Library(pypi=PythonPyPiLibrary(package)))
        for package in (PIN, "pyspark==4.0.0")
    ]
    monkeypatch.setattr(LibrariesAPI, "cluster_status", lambda *_: iter(present))
    found = check(make_settings(workspace, {"libraries": ()}))
    assert list_faults(found) == ["libraries"]
    assert found["dagster"].state == "passed"


def test_a_wheel_among_workspace_files_is_read(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The emulated workspace exports no files: the SDK's own answer stands in.
    wheel = make_wheel("instacart-assets", "0.1.0", ["dagster-pyspark"])
    monkeypatch.setattr(WorkspaceExt, "download", lambda *_: BytesIO(wheel))
    found = check(make_settings(workspace, {"libraries": (OWN.replace(WHEELS, "/Workspace/Shared"),)}))
    assert "instacart-assets → dagster-pyspark → pyspark" in found["libraries"].seen


@pytest.mark.parametrize(
    ("spec", "state", "words"),
    [
        ({"data_security_mode": "USER_ISOLATION"}, "failed", "INSTACART_TARGET=serverless"),
        ({"data_security_mode": "DATA_SECURITY_MODE_STANDARD"}, "failed", "USER_ISOLATION"),
        ({"data_security_mode": "DATA_SECURITY_MODE_DEDICATED"}, "passed", "SINGLE_USER"),
        ({"data_security_mode": "NONE"}, "warned", "see that it is dedicated"),
        ({"data_security_mode": None}, "warned", "that is not said"),
        ({"single_user_name": CALLER}, "passed", "dedicated"),
        ({"single_user_name": "other@example.com"}, "warned", f"steps run as {CALLER}"),
    ],
)
def test_the_access_mode_has_to_be_dedicated(
    workspace: EmulatedWorkspace, spec: dict[str, Any], state: str, words: str
) -> None:
    cluster = workspace.clusters.add(**spec)
    found = check(make_settings(workspace, {"cluster_id": cluster.cluster_id}))["access mode"]
    assert found.state == state
    assert words in str(found)


@pytest.mark.parametrize(
    ("state", "expected"), [("TERMINATED", "passed"), ("ERROR", "failed"), ("PENDING", "passed")]
)
def test_a_cluster_may_be_asleep_and_not_broken(
    workspace: EmulatedWorkspace, state: str, expected: str
) -> None:
    cluster = workspace.clusters.add(state=state)
    assert check(make_settings(workspace, {"cluster_id": cluster.cluster_id}))["cluster"].state == expected


def test_a_cluster_that_does_not_exist_leaves_the_rest_to_be_checked(workspace: EmulatedWorkspace) -> None:
    found = check(make_settings(workspace, {"cluster_id": "0101-000000-nowhere"}, landing="dbfs:/elsewhere"))
    assert list_faults(found) == ["cluster", "landing"]
    assert "INSTACART_DATABRICKS__CLUSTER_ID" in found["cluster"].seen
    assert found["python"].state == "skipped"


def test_a_new_cluster_needs_nodes_from_somewhere(workspace: EmulatedWorkspace) -> None:
    found = check(make_settings(workspace, {"cluster_id": None}))
    assert list_faults(found) == ["cluster"]
    assert "INSTACART_DATABRICKS__NODE_TYPE_ID" in found["cluster"].seen
    found = check(make_settings(workspace, {"cluster_id": None, "node_type_id": "m5d.large"}))
    assert list_faults(found) == []
    assert found["access mode"].seen == "dedicated (SINGLE_USER)"


@pytest.mark.parametrize(
    ("definition", "state", "words"),
    [
        (
            {
                "spark_version": {"type": "fixed", "value": "16.4.x-scala2.12"},
                "num_workers": {"type": "range", "maxValue": 1},
            },
            "failed",
            "set INSTACART_DATABRICKS__RUNTIME and INSTACART_DATABRICKS__WORKERS as it says",
        ),
        (
            {"data_security_mode": {"type": "fixed", "value": "USER_ISOLATION"}},
            "failed",
            "choose another policy",
        ),
        ({"custom_tags.team": {"type": "unlimited"}}, "warned", "custom_tags.team has to be given"),
        ({"num_workers": {"type": "range", "minValue": 1, "maxValue": 8}}, "passed", "allows"),
    ],
)
def test_a_new_cluster_is_held_against_its_policy(
    workspace: EmulatedWorkspace, definition: dict[str, Any], state: str, words: str
) -> None:
    workspace.clusters.add_policy("P1", definition)
    databricks = {"cluster_id": None, "policy_id": "P1", "node_type_id": "m5d.large"}
    found = check(make_settings(workspace, databricks))["policy"]
    assert found.state == state
    assert words in str(found)


def test_a_policy_that_does_not_exist_is_told(workspace: EmulatedWorkspace) -> None:
    found = check(make_settings(workspace, {"cluster_id": None, "policy_id": "nowhere"}))
    assert "INSTACART_DATABRICKS__POLICY_ID" in found["cluster"].seen


def test_without_a_dbfs_root_the_target_with_a_volume_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmulatedWorkspace(tmp_path, is_dbfs_enabled=False, has_spark=False) as closed:
        enter(closed, monkeypatch)
        found = check(make_settings(closed, {"libraries": (PIN,)}))
    assert list_faults(found) == ["staging", "landing", "lake"]
    assert "Public DBFS root is disabled" in found["staging"].seen
    assert "INSTACART_TARGET=databricks_uc" in found["staging"].seen


def test_a_volume_that_does_not_exist_is_told(workspace: EmulatedWorkspace) -> None:
    databricks = {"staging": "/Volumes/main/ops/nowhere"}
    places = {"landing": f"{STAGING}/landing", "lake": "/Volumes/main/none/lake/tables"}
    found = check(make_settings(workspace, databricks, target="databricks_uc", **places))
    assert list_faults(found) == ["staging", "lake"]
    assert "main.ops.nowhere" in found["staging"].seen
    assert "there is no volume /Volumes/main/none/lake" in found["lake"].seen


@pytest.mark.parametrize(
    ("place", "state", "words"),
    [
        ("data/landing", "failed", "which a cluster does not have"),
        ("dbfs:/nowhere", "failed", "instacart land PATH --landing dbfs:/nowhere"),
        ("/dbfs/landing", "passed", "dbfs:/landing is there"),
    ],
)
def test_the_landing_folder_has_to_be_one_of_the_workspace(
    workspace: EmulatedWorkspace, place: str, state: str, words: str
) -> None:
    found = check(make_settings(workspace, landing=place))["landing"]
    assert found.state == state
    assert words in str(found)


def test_a_lake_elsewhere_cannot_be_looked_at(workspace: EmulatedWorkspace) -> None:
    assert check(make_settings(workspace, lake="s3://bucket/lake"))["lake"].state == "warned"
    assert "lake" not in check(make_settings(workspace, catalog="main"))


def make_serverless(workspace: EmulatedWorkspace, **databricks: Any) -> Settings:
    places = {"landing": f"{STAGING}/landing", "lake": f"{STAGING}/lake"}
    return make_settings(workspace, {"staging": STAGING, **databricks}, target="serverless", **places)


def test_serverless_needs_a_wheel_a_volume_and_a_tested_environment(workspace: EmulatedWorkspace) -> None:
    assert {outcome.state for outcome in check(make_serverless(workspace)).values()} == {"passed"}
    found = check(
        make_serverless(workspace, environment_version="3", libraries=(PIN,), staging="/Volumes/a/b/c")
    )
    assert list_faults(found) == ["environment", "wheel", "staging"]
    assert "Spark 3.5" in found["environment"].seen
    assert check(make_serverless(workspace, environment_version="99"))["environment"].state == "warned"


def test_serverless_takes_no_pyspark_either(workspace: EmulatedWorkspace) -> None:
    assert list_faults(check(make_serverless(workspace, libraries=(OWN, "pyspark")))) == ["libraries"]


def test_a_run_is_refused_with_every_fault_at_once(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "read_host", lambda: Host("3.11", HOST.dagster))
    with pytest.raises(PreflightError) as refused:
        require_preflight(make_settings(workspace, landing="dbfs:/nowhere"))
    message = str(refused.value)
    assert "- python: Python 3.11 here" in message
    assert "- landing: there is no dbfs:/nowhere" in message
    assert "instacart preflight" in message


def test_the_steps_that_follow_do_not_ask_again_unless_there_was_a_fault(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "read_host", lambda: HOST)
    settings = make_settings(workspace, landing="dbfs:/later")
    with pytest.raises(PreflightError):
        require_preflight(settings)
    write_landing(workspace.folders.dbfs / "later")
    outcomes = require_preflight(settings)
    asked = len(workspace.calls)
    assert require_preflight(settings) == outcomes
    assert len(workspace.calls) == asked


def type_preflight(settings: Settings, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Result:
    """The command, with settings in the environment as a person would have them."""
    for name, value in settings.databricks.model_dump(mode="json", exclude_defaults=True).items():
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv(f"INSTACART_DATABRICKS__{name.upper()}", text)
    for name in ("target", "landing", "lake"):
        monkeypatch.setenv(f"INSTACART_{name.upper()}", str(getattr(settings, name)))
    return CliRunner(env={"COLUMNS": "120", **environment}).invoke(app, ["preflight"])


def test_the_command_shows_every_check_and_ends_with_zero(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = workspace.clusters.add(docker_image={"url": "images/instacart:1"})
    done = type_preflight(make_settings(workspace, {"cluster_id": cluster.cluster_id}), monkeypatch)
    assert done.exit_code == 0, done.output
    assert "access mode" in done.output
    assert "! python: see that it is Python" in done.output


def test_the_command_ends_with_one_where_a_check_fails(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = type_preflight(make_settings(workspace, landing="dbfs:/nowhere"), monkeypatch)
    assert done.exit_code == 1
    assert "✗ landing: land the files first: instacart land PATH --landing dbfs:/nowhere" in done.output


def test_this_machine_is_checked_where_it_builds_the_tables_itself(tmp_path: Path) -> None:
    settings = Settings(landing=write_landing(tmp_path / "landing"), lake=tmp_path / "deep" / "lake")
    found = check(settings)
    assert {name: outcome.state for name, outcome in found.items()} == dict.fromkeys(
        ["engine", "landing", "lake"], "passed"
    )
    assert found["landing"].seen == f"6 files in {tmp_path / 'landing'}"
    (tmp_path / "landing" / "orders.csv").unlink()
    write_file(tmp_path, "file", "")
    found = check(Settings(landing=tmp_path / "landing", lake=tmp_path / "file" / "lake"))
    assert list_faults(found) == ["landing", "lake"]
    assert "orders.csv: no such file" in found["landing"].seen


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts something in the place of Java that says it is of a version."""

    def put(said: str) -> None:
        program = write_file(tmp_path, "java/bin/java", f"#!/bin/sh\ncat >&2 <<'END'\n{said}\nEND\n")
        program.chmod(0o755)
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / "java"))

    return put


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("    line.separator = \n    java.specification.version = 21", "passed"),
        ("    java.specification.version = 1.8", "failed"),
        ("    java.specification.version = 11", "failed"),
        ("no properties", "warned"),
    ],
)
def test_spark_here_needs_a_java_of_its_time(
    tmp_path: Path, java: Callable[[str], None], said: str, state: str
) -> None:
    java(said)
    settings = Settings(target="spark", landing=write_landing(tmp_path / "landing"), lake=tmp_path / "lake")
    found = check(settings)
    assert list(found) == ["java", "spark", "delta", "landing", "lake"]
    assert (found["java"].state, found["spark"].state) == (state, "passed")


def test_spark_here_says_what_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings(target="spark", landing=write_landing(tmp_path / "landing"), lake=tmp_path / "lake")
    found = check(settings)
    assert list_faults(found) == ["java"]
    assert found["delta"].state == "warned"
    write_file(
        tmp_path,
        f".ivy2.5.2/jars/{found['delta'].seen.split()[0].replace(':', '_', 1).replace(':', '-')}.jar",
        "",
    )
    assert check(settings)["delta"].state == "passed"


def test_without_the_sdk_it_is_said_what_to_install(
    workspace: EmulatedWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("instacart_assets.databricks.inspections")
    monkeypatch.delitem(sys.modules, "instacart_assets.databricks.inspections")
    monkeypatch.setitem(sys.modules, "instacart_assets.databricks.cluster_checks", None)
    (found,) = run_preflight(make_settings(workspace))
    assert (found.state, found.remedy) == ("failed", "install instacart-assets[databricks]")


def test_whoever_builds_tables_here_needs_no_sdk(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['databricks'] = sys.modules['dagster_databricks'] = None; "
        "from instacart_assets.databricks.preflight import run_preflight; "
        "from instacart_assets.settings import Settings; "
        "print([outcome.check for outcome in run_preflight(Settings())])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.stdout == "['engine', 'landing', 'lake']\n", done.stderr
