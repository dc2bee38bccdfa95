"""Tables as Dagster shows and runs them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
from pyspark.sql import DataFrame

from instacart_assets.contracts.model import Chart
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.definitions import make_resources
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.settings import Settings
from instacart_assets.tables.assets import (
    asset_key,
    build_assets,
    build_landed_assets,
    describe_quarantine,
    describe_table,
    table_address,
)
from instacart_assets.tables.declare import Table
from instacart_assets_tests.small_contracts import make_rule
from instacart_assets_tests.tables.things import (
    BRONZE,
    GOLD,
    LANDED,
    SILVER,
    land,
    make_landed_table,
    make_silver_table,
)

ALL = (BRONZE, SILVER, GOLD)
BLOCKED = "thing_id,name\n1,pear\n2,pear\n"


def materialise(settings: Settings, *tables: Table) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        build_assets(tables),
        resources=make_resources(settings),
        raise_on_error=False,
    )


def list_published(run: dg.ExecuteInProcessResult) -> list[str]:
    """Addresses of the tables that were materialised, in order."""
    keys = [event.asset_key for event in run.get_asset_materialization_events()]
    return [table_address(key) for key in keys if key]


def read_metadata(run: dg.ExecuteInProcessResult, address: str) -> dict[str, Any]:
    """Metadata of a table's materialisation, as plain values where they are plain."""
    (event,) = [
        event for event in run.get_asset_materialization_events() if event.asset_key == asset_key(address)
    ]
    metadata = event.materialization.metadata
    return {name: getattr(value, "value", value) for name, value in metadata.items()}


def read_checks(run: dg.ExecuteInProcessResult, address: str) -> dict[str, bool]:
    return {
        evaluation.check_name: evaluation.passed
        for evaluation in run.get_asset_check_evaluations()
        if evaluation.asset_key == asset_key(address)
    }


def read_check(run: dg.ExecuteInProcessResult, name: str) -> tuple[dg.AssetCheckEvaluation, dict[str, Any]]:
    """What a check evaluated to, and its metadata as plain values."""
    (found,) = [
        evaluation for evaluation in run.get_asset_check_evaluations() if evaluation.check_name == name
    ]
    return found, {key: getattr(value, "value", value) for key, value in found.metadata.items()}


def read_failure(run: dg.ExecuteInProcessResult, address: str) -> str:
    """What the failed step of a table says to a person; nothing where it failed by an error of the code."""
    (event,) = [
        event for event in run.get_step_failure_events() if event.step_key == address.replace(".", "__")
    ]
    told = event.step_failure_data.user_failure_data
    return str(told.description) if told else ""


def count_retries(settings: Settings, table: Table) -> int:
    """How often a failing table is tried again in a job that allows one retry."""
    job = dg.define_asset_job(
        "patient", selection=dg.AssetSelection.all(), op_retry_policy=dg.RetryPolicy(max_retries=1)
    )
    defs = dg.Definitions(
        assets=build_assets([table]),
        jobs=[job],
        resources=make_resources(settings),
    )
    run = defs.resolve_job_def("patient").execute_in_process(raise_on_error=False)
    assert not run.success
    return len(run.filter_events(lambda event: event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY))


def list_failed(run: dg.ExecuteInProcessResult) -> Sequence[str | None]:
    return [event.step_key for event in run.get_step_failure_events()]


def stumble(bronze_things: DataFrame) -> DataFrame:
    raise ZeroDivisionError(bronze_things.columns)


def test_an_address_and_its_asset_key_lead_to_each_other() -> None:
    assert asset_key("silver.things") == dg.AssetKey(["silver", "things"])
    assert table_address(dg.AssetKey(["silver", "things"])) == "silver.things"


def test_an_asset_is_described_by_its_contract() -> None:
    spec = describe_table(SILVER)
    assert spec.key == dg.AssetKey(["silver", "things"])
    assert [dep.asset_key for dep in spec.deps] == [dg.AssetKey(["bronze", "things"])]
    assert spec.description == "Every thing there is.\n\n**Grain:** One row per thing."
    assert spec.group_name == "silver"
    assert list(spec.owners) == ["team:data-engineering"]
    assert spec.metadata["key"] == "thing_id"
    assert spec.freshness_policy is not None


def test_columns_are_shown_with_type_constraint_and_source() -> None:
    metadata = describe_table(SILVER).metadata
    schema: dg.TableSchema = metadata["dagster/column_schema"]
    assert [
        (column.name, column.type, column.constraints.nullable, column.constraints.unique)
        for column in schema.columns
    ] == [("thing_id", "int", False, True), ("name", "string", False, False)]
    lineage: dg.TableColumnLineage = metadata["dagster/column_lineage"]
    assert lineage.deps_by_column == {
        name: [dg.TableColumnDep(asset_key=dg.AssetKey(["bronze", "things"]), column_name=name)]
        for name in ("thing_id", "name")
    }


def test_a_column_of_a_longer_key_is_not_said_to_be_unique() -> None:
    schema = describe_table(BRONZE).metadata["dagster/column_schema"]
    assert not [column.name for column in schema.columns if column.constraints.unique]


def test_landed_sources_are_shown_as_assets_made_elsewhere() -> None:
    required, optional = build_landed_assets(
        [BRONZE.contract, make_landed_table("others", is_optional=True).contract]
    )
    assert required.key == dg.AssetKey(["landing", "things"])
    assert str(required.description).startswith("Landed file things.csv, or a folder things/ of such files.")
    assert "which may be absent" in str(optional.description)
    columns = required.metadata["dagster/column_schema"].columns
    assert [column.name for column in columns] == ["thing_id", "name", "colour"]


def test_only_checks_that_block_are_declared_as_such() -> None:
    (asset,) = build_assets([SILVER])
    assert {spec.name: spec.blocking for spec in asset.check_specs} == {
        "key_is_unique": False,
        "thing_id_is_filled": False,
        "name_is_filled": False,
        "name_is_short": False,
        "no_name_twice": True,
        "few_things": False,
        "every_row_is_accounted_for": True,
        "refused_share_is_within_budget": True,
    }


def test_a_table_that_refuses_rows_is_made_together_with_its_quarantine() -> None:
    (asset,) = build_assets([SILVER])
    assert {table_address(key) for key in asset.keys} == {"silver.things", "quarantine.things"}
    quarantine = describe_quarantine(SILVER)
    assert quarantine.group_name == "quarantine"
    assert [dep.asset_key for dep in quarantine.deps] == [dg.AssetKey(["bronze", "things"])]
    (gold,) = build_assets([GOLD])
    assert {table_address(key) for key in gold.keys} == {"gold.things"}


def test_a_table_follows_those_that_its_rules_read() -> None:
    rule = make_rule("sold", "SELECT * FROM {batch} JOIN {gold.sales}", scope="query")
    assert [table_address(dep.asset_key) for dep in describe_table(make_silver_table(rule)).deps] == [
        "bronze.things",
        "gold.sales",
    ]


def test_tables_are_published_in_the_order_of_their_sources(settings: Settings) -> None:
    land(settings)
    run = materialise(settings, GOLD, SILVER, BRONZE)
    assert run.success
    assert list_published(run) == [
        "quarantine.things__lines",
        "bronze.things",
        "quarantine.things",
        "silver.things",
        "gold.things",
    ]
    for table in (BRONZE, SILVER, GOLD):
        expected = {rule.id: True for rule in compile_rules(table.contract)}
        assert read_checks(run, table.address) == expected


def test_a_materialisation_tells_what_was_published(settings: Settings, lake: FolderLake) -> None:
    land(settings)
    materialise(settings, *ALL)
    land(settings, "thing_id,name\n1,fig\n2,pear\n")
    run = materialise(settings, *ALL)
    told = read_metadata(run, "silver.things")
    assert told["dagster/table_name"] == "silver.things"
    assert told["dagster/row_count"] == 2
    assert told["delta_version"] == 1 == lake.find_version("silver.things")
    assert told["run_id"] == run.run_id
    assert 0 < told["seconds"] < 60
    assert "candidate" not in told  # nothing is left to look at
    assert lake.list_candidates("silver.things") == []
    assert (told["grain"], told["key"]) == ("One row per thing.", "thing_id")
    schema = describe_table(SILVER).metadata
    assert told["dagster/column_schema"] == schema["dagster/column_schema"]
    assert told["dagster/column_lineage"] == schema["dagster/column_lineage"]


def test_the_data_version_is_the_version_of_the_table(settings: Settings) -> None:
    for version, landed in (("0", LANDED), ("0", LANDED), ("1", f"{LANDED}3,plum\n")):
        land(settings, landed)
        run = materialise(settings, BRONZE)
        _, event = run.get_asset_materialization_events()
        assert (event.materialization.tags or {})["dagster/data_version"] == version


def test_only_gold_shows_its_first_rows(settings: Settings) -> None:
    land(settings)
    run = materialise(settings, *ALL)
    assert read_metadata(run, "gold.things")["preview"] == (
        "| thing_id | name |\n| --- | --- |\n| 1 | apple |\n| 2 | pear |"
    )
    assert "preview" not in read_metadata(run, "silver.things")


def test_a_published_table_shows_its_charts(settings: Settings) -> None:
    land(settings)
    query = "SELECT name AS label, thing_id AS value FROM {batch} ORDER BY thing_id"
    contract = replace(GOLD.contract, charts=(Chart("numbers", "Numbers of things.", query),))
    run = materialise(settings, BRONZE, SILVER, replace(GOLD, contract=contract))
    assert read_metadata(run, "gold.things")["numbers"] == (
        "Numbers of things.\n\n```\napple  ██████ 1\npear   ████████████ 2\n```"
    )


def test_what_fails_is_counted_so_that_it_can_be_plotted(settings: Settings) -> None:
    land(settings, "thing_id,name\n1,apple\n2,banana\n")
    run = materialise(settings, *ALL)
    silver, gold = read_metadata(run, "silver.things"), read_metadata(run, "gold.things")
    assert (silver["checks_failed"], silver["refused_open"]) == (1, 1)
    assert gold["checks_failed"] == 0
    assert "refused_open" not in gold  # it refuses no rows


def test_a_bronze_table_tells_the_files_it_was_made_of(settings: Settings) -> None:
    land(settings)
    land(settings, name="things/again.csv")
    told = read_metadata(materialise(settings, BRONZE), "bronze.things")
    assert told["landed_files"] == ["things.csv"]
    assert (
        told["same_content_again"]
        == "not read again, as the content is the same: things/again.csv (as things.csv)"
    )


def test_a_blocked_table_is_not_materialised_and_nothing_follows_it(
    settings: Settings, lake: FolderLake
) -> None:
    land(settings)
    assert materialise(settings, *ALL).success
    land(settings, BLOCKED)
    run = materialise(settings, *ALL)
    assert not run.success
    assert list_published(run) == ["quarantine.things__lines", "bronze.things", "quarantine.things"]
    assert list_failed(run) == ["silver__things"]
    assert [name for name, passed in read_checks(run, "silver.things").items() if not passed] == [
        "no_name_twice"
    ]
    assert read_checks(run, "gold.things") == {}
    assert (lake.find_version("silver.things"), lake.find_version("gold.things")) == (0, 0)


def test_a_failed_check_shows_what_failed_and_where_the_candidate_lies(
    settings: Settings, lake: FolderLake
) -> None:
    land(settings, BLOCKED)
    failed, told = read_check(materialise(settings, *ALL), "no_name_twice")
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (told["severity"], told["threshold"], told["rows"]) == ("block", "0 rows", 2)
    assert (told["failing_rows"], told["failing_share"]) == (1, 0.5)
    assert told["failing_sample"] == "| name | rows |\n| --- | --- |\n| pear | 2 |"
    (candidate,) = lake.list_candidates("silver.things")
    assert told["candidate"] == str(candidate)


def test_a_block_is_explained_in_the_failure(settings: Settings, lake: FolderLake) -> None:
    land(settings, BLOCKED)
    failure = read_failure(materialise(settings, *ALL), "silver.things").splitlines()
    (candidate,) = lake.list_candidates("silver.things")
    assert failure[0] == "not published, readers still see no version: 1 blocking check(s) failed"
    assert failure[1].startswith(
        "  no_name_twice: It holds that SELECT name, count(*) AS rows FROM {batch} GROUP BY name"
    )
    assert failure[2:] == [f"  look at the refused candidate in {candidate}, mend its sources and run again"]


def test_a_refused_row_fails_its_check_without_an_error_and_what_follows_runs(settings: Settings) -> None:
    land(settings, "thing_id,name\n1,apple\n2,banana\n")
    run = materialise(settings, *ALL)
    assert run.success
    assert list_published(run)[-3:] == ["quarantine.things", "silver.things", "gold.things"]
    failed, told = read_check(run, "name_is_short")
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (told["severity"], told["refused_rows"], told["failing_share"]) == ("reject", 1, 0.5)
    assert told["quarantine"] == "quarantine.things"
    assert "candidate" not in told
    assert "| 2 | banana | things.csv | 2 |" in told["failing_sample"]


def test_refused_rows_are_reported_first_and_survive_a_block(settings: Settings, lake: FolderLake) -> None:
    land(settings, "thing_id,name\n1,banana\n2,cherry\n3,pear\n")
    run = materialise(settings, *ALL)
    assert list_published(run) == ["quarantine.things__lines", "bronze.things", "quarantine.things"]
    told = read_metadata(run, "quarantine.things")
    assert (told["dagster/row_count"], told["open"], told["added"]) == (2, 2, 2)
    assert told["look"] == "instacart quarantine show silver.things"
    assert told["delta_version"] == lake.find_version("quarantine.things")
    assert "refused_share_is_within_budget" in read_failure(run, "silver.things")


def test_a_check_that_warns_is_reported_and_what_follows_runs(settings: Settings) -> None:
    land(settings, "thing_id,name\n1,a\n2,b\n3,c\n")
    run = materialise(settings, *ALL)
    assert run.success
    (failed,) = [evaluation for evaluation in run.get_asset_check_evaluations() if not evaluation.passed]
    assert (failed.check_name, failed.severity) == ("few_things", dg.AssetCheckSeverity.WARN)
    assert list_published(run)[-2:] == ["silver.things", "gold.things"]


def test_one_broken_source_keeps_every_source_from_being_written(settings: Settings) -> None:
    land(settings)
    land(settings, "wrong\n1\n", "others.csv")
    run = materialise(settings, *ALL, make_landed_table("others"))
    assert not run.success
    assert list_published(run) == []
    assert not settings.lake_folder.exists()
    message = read_failure(run, "bronze.things")
    assert message.startswith(f"{settings.landing}/others.csv: wrong header")


def test_a_job_looks_only_at_the_landed_files_of_its_own_tables(settings: Settings) -> None:
    land(settings)
    asset_selection = dg.AssetSelection.assets(*build_assets([BRONZE, SILVER]))
    defs = dg.Definitions(
        assets=build_assets([*ALL, make_landed_table("others")]),
        jobs=[
            dg.define_asset_job("some_things", selection=asset_selection),
            dg.define_asset_job("everything", selection=dg.AssetSelection.all()),
        ],
        resources=make_resources(settings),
    )
    some = defs.resolve_job_def("some_things").execute_in_process(raise_on_error=False)
    assert some.success
    assert {"bronze.things", "silver.things"} < set(list_published(some))
    everything = defs.resolve_job_def("everything").execute_in_process(raise_on_error=False)
    assert not everything.success
    assert "others.csv: no such file" in read_failure(everything, "bronze.things")


def test_an_error_that_a_person_can_mend_fails_with_its_message(settings: Settings) -> None:
    assert read_failure(materialise(settings, SILVER), "silver.things") == (
        f"bronze.things is not in the lake {settings.lake_folder}; "
        "make it first: instacart run --select 'bronze.things'"
    )


def test_an_error_of_the_code_is_shown_as_it_is(settings: Settings) -> None:
    land(settings)
    run = materialise(settings, BRONZE, replace(SILVER, transform=stumble))
    (event,) = run.get_step_failure_events()
    assert read_failure(run, "silver.things") == ""
    assert "ZeroDivisionError" in str(event.step_failure_data.error)


def test_what_a_person_must_mend_is_not_tried_again(settings: Settings) -> None:
    assert count_retries(settings, SILVER) == 0  # its source is missing
    assert count_retries(settings, BRONZE) == 0  # no file has landed


def test_a_block_is_not_tried_again(settings: Settings) -> None:
    land(settings, BLOCKED)
    materialise(settings, BRONZE)
    assert count_retries(settings, SILVER) == 0


def test_an_error_of_the_code_is_tried_again_where_a_job_asks_for_it(settings: Settings) -> None:
    land(settings)
    materialise(settings, BRONZE)
    assert count_retries(settings, replace(SILVER, transform=stumble)) == 1
