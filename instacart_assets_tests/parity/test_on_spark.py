"""How Spark publishes, lists and refuses: the cases of ``on_spark``, run by pytest in each Spark's own process."""

import pytest

from instacart_assets_tests.parity.conftest import NAMES, Made, find_spark

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", NAMES)
def test_what_is_published_on_spark_is_audited_whole_and_by_one_run(
    name: str, sparks: dict[str, Made], tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = find_spark(name, sparks)
    status, report = made.engine.ask(
        "run_cases", folder=str(tmp_path_factory.mktemp("cases") / "on_spark")
    ).result()
    assert status == 0, f"cases on {name}:\n{report}"
    assert "passed" in report
