"""A real daemon and a real web server: what lands is taken in once, and who must know is told."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from instacart_assets.automation.looks import LandingState
from instacart_assets.definitions import WHOLE_GRAPH_JOB
from instacart_assets.graph import all_tables
from instacart_assets.synthetic.generate import generate
from instacart_assets.tables.assets import table_address
from instacart_assets_tests.automation.location import WINDOW
from instacart_assets_tests.automation.receiver import Receiver, receive
from instacart_assets_tests.processes import SECONDS, Processes, find_free_port, open_history

ROOT = Path(__file__).parents[2]
MODULE = "instacart_assets_tests.automation.location"
LATE_AFTER = 15
RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"


@dataclass
class Deployment:
    """A daemon and a web server on a history of their own."""

    processes: Processes
    receiver: Receiver
    port: int = field(default_factory=find_free_port)

    @property
    def folder(self) -> Path:
        return self.processes.folder

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DAGSTER_HOME": str(self.folder / "home"),
            "FRESHNESS_DAEMON_INTERVAL_SECONDS": "2",
            "INSTACART_ALERTS__UI_URL": f"http://127.0.0.1:{self.port}",
            "INSTACART_ALERTS__URL": self.receiver.url,
            "INSTACART_ENVIRONMENT": "staging",
            "INSTACART_LAKE": str(self.folder / "lake"),
            "INSTACART_LANDING": str(self.landing),
            "INSTACART_LOOK_SECONDS": "2",
            # No schedule falls due while this runs.
            "INSTACART_SCHEDULE__CRON": "0 0 29 2 *",
            "INSTACART_SCHEDULE__MAINTENANCE_CRON": "0 0 29 2 *",
            "INSTACART_REPORT": str(self.folder / "report.html"),
            WINDOW: str(LATE_AFTER),
        }

    def start(self, *command: str, **changed: str) -> subprocess.Popen[bytes]:
        return self.processes.start([sys.executable, "-m", *command], {**self.environment, **changed})

    def start_daemon(self, **changed: str) -> subprocess.Popen[bytes]:
        return self.start("dagster._daemon", "run", "-m", MODULE, **changed)

    def read_logs(self) -> str:
        return self.processes.read_logs()

    def wait_for(self, condition: Callable[[], Any], what: str) -> None:
        self.processes.wait_for(condition, what)

    def ask_web_server(self) -> list[dict[str, Any]]:
        """All runs, newest first, as the web UI shows them."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": RUNS}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - of this machine
            return list(json.load(answer)["data"]["runsOrError"]["results"])


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    (folder / "home").mkdir()
    (folder / "landing").mkdir()
    shutil.copy(ROOT / "deploy" / "local" / "dagster.yaml", folder / "home")
    with ExitStack() as stack:
        processes = Processes(folder)
        stack.callback(processes.stop)
        yield Deployment(processes, stack.enter_context(receive()))


@pytest.fixture
def instance(deployment: Deployment) -> Iterator[dg.DagsterInstance]:
    with open_history(deployment.folder / "home") as opened:
        yield opened


def list_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs, oldest first."""
    return list(reversed(instance.get_runs()))


def are_over(instance: dg.DagsterInstance, count: int) -> bool:
    runs = list_runs(instance)
    return len(runs) >= count and all(run.is_finished for run in runs)


def count_built(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Counter[str]:
    records = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    keys = [record.event_log_entry.asset_materialization for record in records]
    return Counter(table_address(made.asset_key) for made in keys if made)


def read_landing_state(instance: dg.DagsterInstance) -> LandingState:
    (found,) = [one for one in instance.all_instigator_state() if one.instigator_name == "landing"]
    return LandingState.read(getattr(found.instigator_data, "cursor", None))


@pytest.mark.slow
def test_what_lands_is_taken_in_once_and_who_must_know_is_told(
    deployment: Deployment, instance: dg.DagsterInstance
) -> None:
    deployment.start("dagster_webserver", "-p", str(deployment.port), "-m", MODULE)
    daemon = deployment.start_daemon()
    generate(30, 7, deployment.landing)

    # A drop: one run takes it in, one builds what follows, each table once, and every check that blocks holds.
    deployment.wait_for(lambda: are_over(instance, 2), "a drop is not built")
    taking_in, following = list_runs(instance)
    assert (taking_in.status, following.status) == (dg.DagsterRunStatus.SUCCESS,) * 2, deployment.read_logs()
    built = count_built(instance, taking_in) + count_built(instance, following)
    assert {table.address for table in all_tables()} <= set(built)
    assert set(built.values()) == {1}
    assert {address.partition(".")[0] for address in count_built(instance, taking_in)} == {
        "bronze",
        "quarantine",
    }
    deployment.wait_for(lambda: len(deployment.ask_web_server()) == 2, "the web server does not answer")

    # A table that is not built again turns late, and its owner is told.
    told = deployment.receiver.list_told
    deployment.wait_for(lambda: ("late", "silver.promotions") in told(), "no table turns late")

    # The daemon is killed in the middle of a drop.
    promotions = deployment.landing / "promotions.csv"
    landed = promotions.read_bytes()
    again = landed.splitlines(keepends=True)[-1]
    promotions.write_bytes(landed + again[:5])
    deployment.wait_for(lambda: read_landing_state(instance).is_waiting, "the drop is not seen")
    daemon.kill()
    daemon.wait(SECONDS)
    promotions.write_bytes(landed + again)
    daemon = deployment.start_daemon()
    deployment.wait_for(lambda: are_over(instance, 4), "the drop of a killed daemon is not built")
    *_, taking_in, following = list_runs(instance)
    assert set(count_built(instance, taking_in)) == {"bronze.promotions", "quarantine.promotions__lines"}
    assert count_built(instance, following)["gold.promotion_performance"] == 1
    deployment.wait_for(
        lambda: ("recovered", "silver.promotions") in told(), "nobody is told that it is over"
    )

    # A broken file: the run fails, somebody is told, and nothing else is built.
    (deployment.landing / "aisles.csv").write_text("aisle;name\n1;x\n")
    deployment.wait_for(lambda: ("failed", "bronze.aisles") in told(), "nobody is told of a failed run")
    (alert,) = [one for one in deployment.receiver.alerts if one["kind"] == "failed"]
    failed = list_runs(instance)[4]
    assert alert["run_url"] == f"http://127.0.0.1:{deployment.port}/runs/{failed.run_id}"
    assert "wrong header" in alert["observed"]
    assert [run.status for run in list_runs(instance)] == [*[dg.DagsterRunStatus.SUCCESS] * 4, failed.status]
    assert Counter(told())["late", "silver.promotions"] <= 2  # it turns late once more, if the test is slow

    # The schedule falls due: it asks for every table, and none is built beside the broken file.
    daemon.kill()
    daemon.wait(SECONDS)
    deployment.start_daemon(INSTACART_SCHEDULE__CRON="* * * * *")
    deployment.wait_for(lambda: are_over(instance, 6), "no schedule falls due")
    scheduled = list_runs(instance)[5]
    assert (scheduled.job_name, scheduled.tags["dagster/schedule_name"]) == (WHOLE_GRAPH_JOB, "daily")
    assert scheduled.status == dg.DagsterRunStatus.FAILURE
    assert not count_built(instance, scheduled)
