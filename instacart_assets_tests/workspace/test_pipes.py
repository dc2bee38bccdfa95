"""Dagster Pipes as it is installed gets through the emulated workspace: context out, messages back."""

from pathlib import Path
from typing import cast

import dagster as dg
import pytest
from dagster_databricks.pipes import PipesDatabricksServerlessClient, PipesUnityCatalogVolumesMessageReader
from databricks.sdk.service import jobs

from instacart_assets_tests.workspace.driving import connect, upload
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace

pytestmark = pytest.mark.slow  # Pipes takes its time to end

FOLDER = "/Volumes/main/landing/files"
CODE = """
from dagster_pipes import (
    PipesCliArgsParamsLoader,
    PipesUnityCatalogVolumesContextLoader,
    PipesUnityCatalogVolumesMessageWriter,
    open_dagster_pipes,
)
with open_dagster_pipes(
    context_loader=PipesUnityCatalogVolumesContextLoader(),
    message_writer=PipesUnityCatalogVolumesMessageWriter(interval=0.1),
    params_loader=PipesCliArgsParamsLoader(),
) as pipes:
    pipes.report_asset_materialization({"rows": pipes.get_extra("rows")})
"""


def test_a_serverless_task_reports_through_a_volume(workspace: EmulatedWorkspace, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(CODE)
    task = jobs.SubmitTask(
        task_key="main",
        environment_key="default",
        spark_python_task=jobs.SparkPythonTask(python_file=upload(workspace, script, FOLDER)),
    )
    environment = jobs.JobEnvironment.from_dict(
        {"environment_key": "default", "spec": {"environment_version": "4"}}
    )
    sdk = connect(workspace)
    client = PipesDatabricksServerlessClient(
        client=sdk,
        volume_path=FOLDER,
        poll_interval_seconds=0.1,
        message_reader=PipesUnityCatalogVolumesMessageReader(interval=0.1, client=sdk, volume_path=FOLDER),
    )

    @dg.asset
    def counted(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        done = client.run(
            context=context, extras={"rows": 17}, task=task, submit_args={"environments": [environment]}
        )
        return cast("dg.MaterializeResult[None]", done.get_materialize_result())

    result = dg.materialize([counted])
    assert result.asset_materializations_for_node("counted")[0].metadata["rows"].value == 17
    assert not list((workspace.folders.find(FOLDER) / "tmp").iterdir()), "Pipes clears its folders away"
