"""One table is never built by two steps at once."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from instacart_assets.tables.assets import step_of
from instacart_assets_tests.processes import open_history

DEPLOYED = Path(__file__).parents[2] / "deploy" / "local" / "dagster.yaml"
POOL = step_of("silver.things")
SECONDS = 60


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A history with the configuration that is deployed."""
    shutil.copy(DEPLOYED, tmp_path)
    with open_history(tmp_path) as opened:
        yield opened


def wait_for(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_second_step_of_a_table_waits_for_the_first(instance: dg.DagsterInstance) -> None:
    steps: list[str] = []
    waited: list[bool] = []

    def build() -> None:
        assert dg.materialize([things], instance=instance).success

    second = threading.Thread(target=build)

    @dg.asset(key=["silver", "things"], pool=POOL)
    def things() -> None:
        steps.append("begin")
        if len(steps) == 1:
            second.start()
            storage = instance.event_log_storage
            waited.append(wait_for(lambda: storage.get_concurrency_info(POOL).pending_step_count))
        steps.append("end")

    build()
    second.join(SECONDS)
    assert waited == [True]
    assert steps == ["begin", "end"] * 2


def test_the_deployed_configuration_is_what_automation_needs(instance: dg.DagsterInstance) -> None:
    pools = instance.event_log_storage.get_pool_config()
    assert pools.default_pool_limit == 1
    assert str(pools.pool_granularity) == "PoolGranularity.OP"
    assert "FRESHNESS_DAEMON" in instance.get_required_daemon_types()
    assert "MONITORING" in instance.get_required_daemon_types()
    assert not instance.telemetry_enabled
