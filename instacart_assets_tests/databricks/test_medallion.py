"""The project's own tables, built in an emulated workspace on real Spark with Delta: row by row what a laptop builds.

What is launched comes to the cluster as it would to a real one: the launcher sends the code, serverless tasks and the
native job run from the wheel.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import jobs
from deltalake import DeltaTable

from instacart_assets.databricks.native_job import PARAMETERS, RUN_PARAMETERS, describe_job, name_task
from instacart_assets.definitions import build_defs
from instacart_assets.graph import all_tables, sort_tables
from instacart_assets.runs import run_graph, select_tables
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets.tables.assets import table_address
from instacart_assets_tests.databricks.wheels import build_project_wheel
from instacart_assets_tests.documentation.commands import read_blocks
from instacart_assets_tests.faults.accounts import read_settled
from instacart_assets_tests.faults.proof import IS_PROOF, write_report
from instacart_assets_tests.lake_reading import Rows
from instacart_assets_tests.workspace.driving import (
    connect,
    describe_task,
    finish,
    read_output,
    read_results,
    submit,
    upload,
)
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace
from instacart_assets_tests.workspace.engine import has_java

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_java(), reason="Apache Spark needs Java, and there is none on the PATH"),
]

PAGE = Path(__file__).parents[2] / "docs/how-to/databricks.md"

USERS, PRODUCTS, SEED = (120, 600, 5) if IS_PROOF else (40, 200, 5)
SELECTIONS = {
    "databricks_uc": "+silver.departments",
    "native": "+silver.departments",
}
"""What is built in each way; in a proof that is the whole graph."""

OPS, LANDING = "/Volumes/main/ops/staging", "/Volumes/main/landing/files"
PREFIX = "dev_"
WARM = ("dagster", "great_expectations", "pandas", "pyspark.sql", "pyspark.sql.connect.session")
MOMENTS = {"_ingested_at", "valid_from_at", "valid_to_at", "quarantined_at", "resolved_at", "run_id"}
RUN_SECONDS = 1_800 if IS_PROOF else 300


@dataclass(frozen=True)
class Laptop:
    """Landed files, and what the embedded engine makes of them."""

    landing: Path
    lake: Path

    def list_tables(self, target: str) -> list[str]:
        """Tables that are built in one of the ways, with what they refuse."""
        made = [table_address(key) for key in select_tables(build_defs(), find_selection(target))]
        assert made
        return made


def find_selection(target: str) -> str | None:
    return None if IS_PROOF else SELECTIONS[target]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    folder = tmp_path_factory.mktemp("laptop")
    made = Laptop(folder / "landing", folder / "lake")
    generate(USERS, SEED, made.landing, products=PRODUCTS)
    # A line that is none and a row that is refused: quarantine is built there as here.
    with (made.landing / "products.csv").open("a") as products:
        products.write("90001,a line with too many fields,1,1,1\n90002,from nowhere,9999,1\n")
    run = run_graph(Settings(landing=made.landing, lake=made.lake), None if IS_PROOF else "+silver.products")
    assert run.is_success, run
    return made


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, laptop: Laptop) -> Iterator[EmulatedWorkspace]:
    with EmulatedWorkspace(
        tmp_path_factory.mktemp("workspace"),
        volumes=["main.ops.staging", "main.landing.files"],
        warm_modules=WARM,
    ) as emulated:
        for place in ("dbfs:/landing", LANDING):
            shutil.copytree(laptop.landing, emulated.folders.find(place), dirs_exist_ok=True)
        yield emulated


@pytest.fixture(scope="module")
def cluster(workspace: EmulatedWorkspace) -> str:
    # Its image, not its runtime, says which Python it has: it has the one of these tests.
    return workspace.clusters.add(docker_image={"url": "registry.test/spark"}).cluster_id


@pytest.fixture(scope="module")
def wheel(workspace: EmulatedWorkspace, tmp_path_factory: pytest.TempPathFactory) -> str:
    return upload(workspace, build_project_wheel(tmp_path_factory.mktemp("dist")), OPS)


@pytest.fixture(scope="module")
def environment(workspace: EmulatedWorkspace, cluster: str, wheel: str) -> dict[str, str]:
    """What is alike for all targets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INSTACART_")}
    return {
        **kept,
        "DATABRICKS_HOST": workspace.host,
        "DATABRICKS_TOKEN": workspace.token,
        "INSTACART_DATABRICKS__CLUSTER_ID": cluster,
        "INSTACART_DATABRICKS__LIBRARIES": f'["{wheel}"]',
        "INSTACART_DATABRICKS__POLL_SECONDS": "0.3",
        "INSTACART_DATABRICKS__TIMEOUT_SECONDS": "600",
    }


def name_places(target: str) -> dict[str, str]:
    """Where landed files and tables are: by path for one target, by name in a catalogue for the others."""
    if target == "databricks":
        return {"INSTACART_LANDING": "dbfs:/landing", "INSTACART_LAKE": "dbfs:/lake"}
    return {
        "INSTACART_LANDING": LANDING,
        "INSTACART_CATALOG": "spark_catalog",
        "INSTACART_SCHEMA_PREFIX": f"{PREFIX}{target}_",
        "INSTACART_SCRATCH": f"{OPS}/scratch_{target}",
        "INSTACART_DATABRICKS__STAGING": OPS,
    }


def run_command(
    environment: Mapping[str, str], target: str, selection: str | None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "instacart_assets.cli", "run"),
            *(("--select", selection) if selection else ()),
        ],
        env={**environment, **name_places(target), "INSTACART_TARGET": target},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


def locate(workspace: EmulatedWorkspace, target: str, address: str) -> Path:
    layer, _, name = address.partition(".")
    if target == "databricks":
        return workspace.folders.dbfs / "lake" / layer / name
    return workspace.root / "warehouse" / f"{PREFIX}{target}_{layer}.db" / name


def read_all(folder: Path) -> tuple[list[tuple[str, str, bool]], Rows]:
    """Columns, and rows in an order of their own, without what says when something ran."""
    table = DeltaTable(folder)
    fields = [(field.name, str(field.type), field.nullable) for field in table.schema().fields]
    return fields, read_settled(table.to_pyarrow_table(), MOMENTS)


def compare(workspace: EmulatedWorkspace, target: str, laptop: Laptop) -> None:
    tables = laptop.list_tables(target)
    for address in tables:
        here = read_all(laptop.lake / address.replace(".", "/"))
        there = read_all(locate(workspace, target, address))
        assert there[0] == here[0], f"{address}: other columns"
        assert there[1] == here[1], f"{address}: other rows"
    write_report("launched.json", {target: {"tables": len(tables), "customers": USERS}})


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("databricks", marks=pytest.mark.proof),
        "databricks_uc",
        pytest.param("serverless", marks=pytest.mark.proof),
    ],
)
def test_tables_built_there_are_those_built_here(
    target: str, environment: dict[str, str], workspace: EmulatedWorkspace, laptop: Laptop
) -> None:
    done = run_command(environment, target, find_selection(target))
    assert done.returncode == 0, done.stdout + done.stderr
    compare(workspace, target, laptop)


def test_the_native_job_builds_the_same_without_dagster(
    workspace: EmulatedWorkspace, cluster: str, wheel: str, laptop: Laptop
) -> None:
    built = {name_task(address) for address in laptop.list_tables("native")}
    job = describe_job(sort_tables(all_tables()), wheel)
    given = name_places("native")
    usual = {name: default for name, (_, default) in RUN_PARAMETERS.items()}
    chosen = {name: given[variable] for name, variable in PARAMETERS.items()} | usual
    values = {f"{{{{job.parameters.{name}}}}}": value for name, value in chosen.items()}
    tasks = [
        fill(task, {**values, "{{job.run_id}}": "job"}) for task in job["tasks"] if task["task_key"] in built
    ]
    asked = [jobs.SubmitTask.from_dict(task) for task in tasks]
    environments = [jobs.JobEnvironment.from_dict(one) for one in job["environments"]]
    run_id = connect(workspace).jobs.submit(tasks=asked, environments=environments).run_id
    assert workspace.find_run(run_id).wait(RUN_SECONDS)
    run = finish(workspace, run_id)
    outputs = [read_output(workspace, run, number).logs for number in range(len(asked))]
    assert set(read_results(run).values()) == {"SUCCESS"}, outputs
    compare(workspace, "native", laptop)

    decide(workspace, cluster, wheel)


def decide(workspace: EmulatedWorkspace, cluster: str, wheel: str) -> None:
    """Decide on refused rows and bring a version back in the workspace, as the documentation says."""
    places = name_places("native")
    (code,) = (block.text for block in read_blocks(PAGE) if "discard_rows" in block.text)
    for said, meant in {
        '"main", "prod_"': f'"{places["INSTACART_CATALOG"]}", "{places["INSTACART_SCHEMA_PREFIX"]}"',
        "/Volumes/main/ops/scratch": places["INSTACART_SCRATCH"],
        "silver.orders": "silver.departments",
        '["ROW_ID"]': "[]",  # none was refused
        '"gold.dim_product", version=3': '"silver.departments", version=1',
    }.items():
        assert said in code
        code = code.replace(said, meant)
    given = {"existing_cluster_id": cluster, "libraries": [{"whl": wheel}]}
    run = finish(workspace, submit(workspace, describe_task(workspace, code, key="decide", **given)))
    # There is only one version: all before, and the look for an earlier one, went well.
    error = read_output(workspace, run).error or ""
    assert "version 1 holds no earlier published version" in error


def fill(value: Any, values: Mapping[str, str]) -> Any:
    """A part of a job with the references in it replaced, as Databricks does when a job starts."""
    if isinstance(value, dict):
        return {name: fill(part, values) for name, part in value.items()}
    if isinstance(value, list):
        return [fill(part, values) for part in value]
    for reference, known in values.items():
        value = value.replace(reference, known) if isinstance(value, str) else value
    return value


def test_a_blocked_table_keeps_what_follows_from_being_submitted(
    environment: dict[str, str], workspace: EmulatedWorkspace
) -> None:
    landed = workspace.folders.find(LANDING) / "departments.csv"
    before = landed.read_text()
    header, *lines = before.splitlines()
    asked = count_submissions(workspace)
    try:
        landed.write_text("\n".join([header, *(f"x{line}" for line in lines)]))
        done = run_command(environment, "databricks_uc", "bronze.departments+2")
    finally:
        landed.write_text(before)
    assert done.returncode == 1
    assert "not published, readers still see version" in done.stdout + done.stderr
    assert "landed_types_are_kept" in done.stdout + done.stderr
    assert count_submissions(workspace) == asked + 1


def count_submissions(workspace: EmulatedWorkspace) -> int:
    return sum(call.path.endswith("/runs/submit") for call in workspace.calls)
