"""Tasks on real Spark with Delta: the files and tables they share, and what each kind of compute lets them do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk.service import jobs

from instacart_assets_tests.workspace.driving import describe_task, finish, read_output, run_script, submit
from instacart_assets_tests.workspace.emulator import EmulatedWorkspace
from instacart_assets_tests.workspace.engine import has_java

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_java(), reason="Apache Spark needs Java, and there is none on this machine"),
]

FOLDER = "/Volumes/main/landing/files"
ENVIRONMENT = jobs.JobEnvironment.from_dict(
    {"environment_key": "default", "spec": {"environment_version": "4"}}
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedWorkspace]:
    """One workspace for all tests here, since its Spark takes a while to start; its tasks begin warm."""
    with EmulatedWorkspace(
        tmp_path_factory.mktemp("spark"), volumes=["main.landing.files"], warm_modules=["pyspark.sql"]
    ) as made:
        yield made


def read_lines(output: jobs.RunOutput) -> list[str]:
    assert not output.error, output.error_trace
    return (output.logs or "").splitlines()


def test_a_table_of_dbfs_is_there_for_spark_and_for_python(workspace: EmulatedWorkspace) -> None:
    code = """
        from pyspark.sql import SparkSession
        own = SparkSession.builder.getOrCreate()
        own.range(10).write.format("delta").option("userMetadata", "first").save("dbfs:/lake/numbers")
        spark.range(3).write.format("delta").mode("append").save("/lake/numbers")
        history = spark.sql("DESCRIBE HISTORY delta.`dbfs:/lake/numbers`").orderBy("version").collect()
        print([row.userMetadata for row in history])
        print(spark.read.format("delta").load("dbfs:/lake/numbers").count(), sc.version == own.version)
        import os
        print("_delta_log" in os.listdir("/dbfs/lake/numbers"))
    """
    output = run_script(workspace, code)
    assert read_lines(output)[-3:] == ["['first', None]", "13 True", "True"]
    assert (workspace.folders.dbfs / "lake" / "numbers" / "_delta_log").is_dir()


def test_a_table_of_a_volume_is_there_for_the_next_task(workspace: EmulatedWorkspace) -> None:
    write = """
        import sys
        spark.range(5).write.format("delta").save(sys.argv[1] + "/table")
        spark.range(1).createOrReplaceTempView("mine")
        open(sys.argv[1] + "/plain.csv", "w").write("a,b\\n1,2\\n")
    """
    read = """
        import sys
        print(spark.read.format("delta").load("dbfs:" + sys.argv[1] + "/table").count())
        print(spark.read.csv(sys.argv[1] + "/plain.csv", header=True).collect())
        print(spark.catalog.tableExists("mine"))
    """
    tasks = [
        describe_task(workspace, write, FOLDER, key="write"),
        describe_task(workspace, read, FOLDER, key="read", depends_on=[{"task_key": "write"}]),
    ]
    run = finish(workspace, submit(workspace, *tasks))
    assert read_lines(read_output(workspace, run, 1))[-3:] == ["5", "[Row(a='1', b='2')]", "False"]
    assert (workspace.folders.volumes / "main" / "landing" / "files" / "table" / "_delta_log").is_dir()


def test_a_table_by_name_is_there_for_all_compute(workspace: EmulatedWorkspace) -> None:
    workspace.clusters.add("shared", data_security_mode="USER_ISOLATION")
    make = """
        spark.sql("CREATE SCHEMA IF NOT EXISTS silver")
        spark.sql("CREATE TABLE silver.orders (id BIGINT NOT NULL COMMENT 'key') USING delta")
        spark.range(4).writeTo("silver.orders").append()
    """
    read_lines(run_script(workspace, make))
    read = """
        from pyspark.sql import SparkSession, functions as F
        session = SparkSession.builder.getOrCreate()
        print(session.table("silver.orders").where(F.col("id") > 0).count(), type(session).__module__)
        try:
            session.sparkContext
        except Exception as error:
            print(type(error).__name__)
    """
    expected = ["3 pyspark.sql.connect.session", "PySparkAttributeError"]
    assert read_lines(run_script(workspace, read, existing_cluster_id="shared"))[-2:] == expected
    task = describe_task(workspace, read, existing_cluster_id=None, environment_key="default")
    run = finish(workspace, submit(workspace, task, environments=[ENVIRONMENT]))
    assert read_lines(read_output(workspace, run))[-2:] == expected
    assert (workspace.root / "warehouse" / "silver.db" / "orders").is_dir()


def test_a_cluster_configures_its_sessions(workspace: EmulatedWorkspace) -> None:
    workspace.clusters.add("configured", spark_conf={"spark.sql.ansi.enabled": "false", "spark.master": "x"})
    ask = "print(spark.conf.get('spark.sql.ansi.enabled'), sc.master)"
    assert read_lines(run_script(workspace, ask, existing_cluster_id="configured"))[-1] == "false local[2]"
    assert read_lines(run_script(workspace, ask))[-1] == "true local[2]"


def test_serverless_compute_keeps_no_frames(workspace: EmulatedWorkspace) -> None:
    task = describe_task(
        workspace, "spark.range(3).cache()", existing_cluster_id=None, environment_key="default"
    )
    run = finish(workspace, submit(workspace, task, environments=[ENVIRONMENT]))
    assert "NOT_SUPPORTED_WITH_SERVERLESS" in (read_output(workspace, run).error or "")
    workspace.clusters.add("standard", data_security_mode="USER_ISOLATION")
    code = "print(spark.range(3).cache().count())"
    assert read_lines(run_script(workspace, code, existing_cluster_id="standard"))[-1] == "3"


def test_serverless_compute_takes_no_configuration_of_databricks(workspace: EmulatedWorkspace) -> None:
    code = """
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
        session = SparkSession.builder.getOrCreate()
        session.conf.set("spark.sql.session.timeZone", "UTC")
        try:
            session.conf.set("spark.databricks.delta.commitInfo.userMetadata", "notes")
        except PySparkException as error:
            print(session.conf.get("spark.sql.session.timeZone"), str(error).partition("]")[0])
    """
    task = describe_task(workspace, code, existing_cluster_id=None, environment_key="default")
    run = finish(workspace, submit(workspace, task, environments=[ENVIRONMENT]))
    assert read_lines(read_output(workspace, run))[-1] == "UTC [CONFIG_NOT_AVAILABLE"


def test_without_a_dbfs_root_spark_of_a_cold_task_has_volumes_only(tmp_path: Path) -> None:
    code = """
        spark.range(2).write.format("delta").save("/Volumes/main/landing/files/table")
        print(spark.read.format("delta").load("dbfs:/Volumes/main/landing/files/table").count())
        spark.range(2).write.format("delta").save("dbfs:/lake/table")
    """
    with EmulatedWorkspace(
        tmp_path / "workspace", volumes=["main.landing.files"], is_dbfs_enabled=False
    ) as workspace:
        output = run_script(workspace, code)
        assert "2" in (output.logs or "").splitlines()
        assert output.error
        assert not (workspace.folders.dbfs / "lake").exists()
