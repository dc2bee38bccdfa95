"""A deployment really runs: PostgreSQL, code server, daemon and both web servers; and it mends what is killed."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from deltalake import DeltaTable
from websockets import Subprotocol
from websockets.sync.client import connect

from instacart_assets.contracts.model import QUARANTINE
from instacart_assets.definitions import WHOLE_GRAPH_JOB, build_defs
from instacart_assets.graph import all_tables
from instacart_assets.runs import select_tables
from instacart_assets.synthetic.generate import generate
from instacart_assets.tables.assets import table_address
from instacart_assets_tests.deployment.composed import read_services
from instacart_assets_tests.deployment.deployed import LOCATION, REPOSITORY, Deployed
from instacart_assets_tests.deployment.mutations import INTROSPECTION, is_refused, write_mutations
from instacart_assets_tests.deployment.postgres import serve_postgres
from instacart_assets_tests.faults.proof import IS_PROOF
from instacart_assets_tests.processes import Processes, kill_group

pytestmark = pytest.mark.slow

UNGUARDED = {"logTelemetry", "setNuxSeen"}
"""Mutations that Dagster asks no permission for: one does nothing where telemetry is off, the other notes in a file
of the web server that its welcome was seen. The proxy refuses both."""

REFUSED_TO_ALL = {
    *("setAppManagedComponent", "deleteAppManagedComponent"),  # no part of Dagster's open source
    *("addDynamicPartition", "deleteDynamicPartitions"),  # no table has such partitions
}
"""Mutations that the editors' web server does not permit either."""

LAUNCH = """
mutation ($job: JobOrPipelineSelector!) {
  launchRun(executionParams: {selector: $job, runConfigData: {}}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
STATES = f"""{{
  sensorOrError(sensorSelector: {{
    repositoryLocationName: "{LOCATION}", repositoryName: "{REPOSITORY}", sensorName: "landing"
  }}) {{ ... on Sensor {{ sensorState {{ id }} }} }}
  scheduleOrError(scheduleSelector: {{
    repositoryLocationName: "{LOCATION}", repositoryName: "{REPOSITORY}", scheduleName: "daily"
  }}) {{ ... on Schedule {{ scheduleState {{ id }} }} }}
}}"""
BACKFILL = """
mutation {
  launchPartitionBackfill(backfillParams: {partitionsByAssets: [{assetKey: {path: ["gold", "dim_product"]}}]}) {
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
JOB = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, "pipelineName": WHOLE_GRAPH_JOB}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    processes = Processes(tmp_path_factory.mktemp("deployed"))
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        stack.callback(processes.stop)
        postgres = stack.enter_context(serve_postgres(read_services()["postgres"], processes))
        made = Deployed(postgres, processes)
        for name, value in made.read_environment("daemon").items():
            if name.startswith("DAGSTER_"):
                patch.setenv(name, value)
        made.run("migrate")
        made.start("code")
        made.start("daemon", "webserver", "analysts")
        yield made


@pytest.fixture(scope="module")
def instance(deployed: Deployed) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(deployed.folder / "home")) as opened:
        yield opened


def find_values(deployed: Deployed, instance: dg.DagsterInstance) -> dict[str, object]:
    """What stands for arguments of mutations, so that each would do something: of a real run, backfill, sensor."""
    run_id = instance.get_run_ids(limit=1)[0]
    asked = deployed.ask("webserver", STATES)["data"]
    made = deployed.ask("webserver", BACKFILL)["data"]["launchPartitionBackfill"]
    backfill = instance.get_backfill(made["backfillId"])
    assert backfill is not None
    instance.update_backfill(backfill._replace(status=BulkActionStatus.COMPLETED_FAILED))
    return {
        "repositoryLocationName": LOCATION,
        "repositoryName": REPOSITORY,
        "pipelineName": WHOLE_GRAPH_JOB,
        "runId": run_id,
        "parentRunId": run_id,
        "runIds": [run_id],
        "reexecutionParams": ...,
        "strategy": "ALL_STEPS",
        "sensorName": "landing",
        "stopSensor.id": asked["sensorOrError"]["sensorState"]["id"],
        "cursor": "",
        "scheduleName": "daily",
        "stopRunningSchedule.id": asked["scheduleOrError"]["scheduleState"]["id"],
        "timestamp": 0,
        "clientTime": "0",
        "metadata": "{}",
        "path": ["gold", "dim_product"],
        "partitionsByAssets": ...,
        "backfillId": made["backfillId"],
        "reexecutePartitionBackfill.parentRunId": made["backfillId"],
    }


@cache
def list_built() -> tuple[dg.AssetKey, ...]:
    """What is built; in a proof that is the whole graph."""
    return tuple(select_tables(build_defs(), None if IS_PROOF else "group:bronze or group:silver"))


def launch(deployed: Deployed) -> str:
    job = {**JOB, "assetSelection": [{"path": list(key.path)} for key in list_built()]}
    answer = deployed.ask("webserver", LAUNCH, {"job": job})["data"]["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def count_built(instance: dg.DagsterInstance, run_id: str) -> Counter[str]:
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    made = (record.event_log_entry.asset_materialization for record in records)
    return Counter(table_address(one.asset_key) for one in made if one)


def find_process(instance: dg.DagsterInstance, run_id: str) -> int:
    """The process that a run is executed by, as its launch told."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    events = [record.event_log_entry.dagster_event for record in records]
    (told, *_) = [
        event.engine_event_data.metadata["pid"].value
        for event in events
        if event and "pid" in event.engine_event_data.metadata
    ]
    return int(str(told))


def read_family(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterRun]:
    """A run and those that tried it again, oldest first."""
    again = instance.get_runs(dg.RunsFilter(tags={"dagster/root_run_id": run_id}))
    first = instance.get_run_by_id(run_id)
    assert first is not None
    return [first, *reversed([one for one in again if one.run_id != run_id])]


def wait_until_under_way(deployed: Deployed, instance: dg.DagsterInstance, run_id: str) -> None:
    """Wait until a run has built some tables and has others before it."""
    deployed.processes.wait_for(lambda: len(count_built(instance, run_id)) > 2, f"{run_id} builds nothing")


def wait_for_attempt(deployed: Deployed, instance: dg.DagsterInstance, run_id: str, number: int) -> str:
    """Wait until a run was tried so many times; gives the last of them."""
    deployed.processes.wait_for(
        lambda: len(read_family(instance, run_id)) == number, f"{run_id} is not tried again"
    )
    return read_family(instance, run_id)[-1].run_id


def test_a_run_that_is_killed_twice_is_tried_again_twice_and_publishes_each_table_once(
    deployed: Deployed, instance: dg.DagsterInstance
) -> None:
    generate(30, 7, deployed.landing)
    run_id = launch(deployed)

    # Its process and the daemon are killed: the code server tells, and a new daemon tries it again.
    wait_until_under_way(deployed, instance, run_id)
    kill_group(deployed.running["daemon"])
    os.kill(find_process(instance, run_id), signal.SIGKILL)
    deployed.begin("daemon")
    second = wait_for_attempt(deployed, instance, run_id, 2)

    # The code server is killed, and the run with it: nobody tells, and monitoring finds out.
    wait_until_under_way(deployed, instance, second)
    kill_group(deployed.running["code"])
    deployed.begin("code")
    third = wait_for_attempt(deployed, instance, run_id, 3)

    deployed.processes.wait_for(lambda: is_over(instance, third), "the run does not end")
    family = read_family(instance, run_id)
    assert [run.status.value for run in family] == ["FAILURE", "FAILURE", "SUCCESS"], (
        deployed.processes.read_logs()
    )
    built = [set(count_built(instance, run.run_id)) for run in family]
    assert {table_address(key) for key in list_built()} <= set.union(*built)
    assert all(built)
    assert read_versions(deployed.lake) == dict.fromkeys(read_versions(deployed.lake), 0)


def is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.is_finished


def read_versions(lake: Path) -> dict[str, int]:
    """The version of each table, from 0: how often it was published after the first time."""
    addresses = [table_address(key) for key in list_built() if key.path[0] != QUARANTINE]
    return {one: DeltaTable(str(lake / one.replace(".", "/"))).version() for one in addresses}


def test_analysts_can_look(deployed: Deployed) -> None:
    """They see runs and tables, and are shown nothing to press."""
    query = """{
      runsOrError { ... on Runs { results { status } } }
      assetNodes { assetKey { path } }
      permissions { permission value }
    }"""
    seen = deployed.ask("analysts", query)["data"]
    assert [run["status"] for run in seen["runsOrError"]["results"]] == ["SUCCESS", "FAILURE", "FAILURE"]
    assert len(seen["assetNodes"]) > len(all_tables())
    assert not any(permission["value"] for permission in seen["permissions"])


def test_analysts_can_change_nothing(deployed: Deployed, instance: dg.DagsterInstance) -> None:
    """Every mutation of the schema, with arguments that would do something, is refused by permission but for two."""
    kill_group(deployed.running["daemon"])  # it writes to the history all the time
    values = find_values(deployed, instance)
    before = deployed.postgres.dump()
    requests = write_mutations(deployed.ask("analysts", INTROSPECTION)["data"]["__schema"], values)
    answers = {name: deployed.ask("analysts", query) for name, query in requests.items()}
    assert {name for name, answer in answers.items() if not is_refused(answer)} == UNGUARDED, answers
    for path in ("materialization", "check", "observation"):
        status, body = deployed.post("analysts", f"/report_asset_{path}/silver/orders", {"check_name": "x"})
        assert (status, "Not authorized" in body) == (401, True), body
    assert send_by_socket(deployed.ports["analysts"], requests["setConcurrencyLimit"])["type"] == "error"
    assert deployed.postgres.dump() == before


def send_by_socket(port: int, query: str) -> dict[str, Any]:
    """What a web server answers to a document that comes by the way of subscriptions."""
    with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-ws")]) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv())["type"] == "connection_ack"
        socket.send(json.dumps({"type": "start", "id": "1", "payload": {"query": query}}))
        answer: dict[str, Any] = json.loads(socket.recv())
    return answer


def test_the_history_refuses_what_their_web_server_might_let_pass(deployed: Deployed) -> None:
    role = deployed.services["analysts"].environment
    reader = {
        "PGUSER": role["DAGSTER_POSTGRES_USER"],
        "PGPASSWORD": role["DAGSTER_POSTGRES_PASSWORD"],
        "PGOPTIONS": "-c default_transaction_read_only=off",  # what the role is set to, it may set otherwise
    }
    assert deployed.postgres.ask("SELECT count(*) > 0 FROM runs", reader) == "t"
    for statement in (
        "DELETE FROM runs",
        "INSERT INTO kvs VALUES (1, 'a', 'b')",
        "CREATE TABLE mine (a int)",
    ):
        assert "permission denied" in deployed.postgres.ask(statement, reader), statement


def test_it_is_their_web_server_that_refuses(deployed: Deployed, instance: dg.DagsterInstance) -> None:
    """The same requests get past the permissions of the editors'."""
    values = find_values(deployed, instance)
    requests = write_mutations(deployed.ask("webserver", INTROSPECTION)["data"]["__schema"], values)
    answers = {name: deployed.ask("webserver", query) for name, query in requests.items()}
    assert {name for name, answer in answers.items() if is_refused(answer)} == REFUSED_TO_ALL, answers


def test_nothing_is_written_beside_the_configuration_which_is_read_only_in_a_container(
    deployed: Deployed,
) -> None:
    found = {
        path.relative_to(deployed.folder / "home").as_posix()
        for path in (deployed.folder / "home").rglob("*")
    }
    assert found <= {"dagster.yaml", "workspace.yaml", ".nux", ".nux/nux.yaml"}
