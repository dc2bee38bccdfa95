"""The command line, typed as a person would."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from markupsafe import escape
from pyspark.sql import SparkSession
from typer.testing import CliRunner, Result

import instacart_assets
from instacart_assets.cli import app
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.landing.withdrawn import read_withdrawn
from instacart_assets_tests.faults.accounts import read_version
from instacart_assets_tests.lakehouse.things import make_named, publish
from instacart_assets_tests.landing_files import write_file, write_landing

AISLES = make_named("silver.aisles")
TOP_PRODUCTS = Path(instacart_assets.__file__).parent / "answers/questions/top_products.sql"
INSTACART = (sys.executable, "-m", "instacart_assets.cli")


def instacart(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("INSTACART_", "DAGSTER_"))
    }
    return subprocess.run(
        [*INSTACART, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
        check=False,
        env=clean | {"COLUMNS": "120"} | environment,
    )


COMMANDS = (
    *(
        "generate",
        "land",
        "preflight",
        "run",
        "watch",
        "withdraw",
        "query",
        "report",
        "versions",
        "restore",
        "maintain",
    ),
    "automation",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(command: str, tmp_path: Path) -> None:
    helped = instacart(command, "--help", cwd=tmp_path)
    assert helped.returncode == 0
    assert "Usage" in helped.stdout


def test_help_imports_neither_dagster_nor_spark(tmp_path: Path) -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from instacart_assets.cli import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "assert not {'dagster', 'pyspark', 'pysail'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_from_nothing_to_an_answer(tmp_path: Path) -> None:
    made = instacart("generate", "--users", "60", "--seed", "3", "--out", "files", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "orders.csv" in made.stdout
    assert not (tmp_path / "files" / "promotion_truth.csv").exists()

    landed = instacart("land", "files", "--landing", "landing", cwd=tmp_path)
    assert landed.returncode == 0, landed.stderr
    assert (tmp_path / "landing" / "orders.csv").read_bytes() == (
        tmp_path / "files" / "orders.csv"
    ).read_bytes()

    ran = instacart("run", "--landing", "landing", "--lake", "lake", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "gold.order_retention" in ran.stdout
    assert "failed" not in ran.stdout

    # The same through the environment, as one number that a reader can follow through the files.
    sql = "SELECT sum(units) AS units FROM gold.daily_product_sales"
    asked = instacart("query", sql, "--format", "json", cwd=tmp_path, INSTACART_LAKE="lake")
    lines = sum(
        len((tmp_path / "landing" / f"order_products__{part}.csv").read_text().splitlines()) - 1
        for part in ("prior", "train")
    )
    assert json.loads(asked.stdout) == [{"units": lines}]

    # So few customers judge no promotion: the report says that, and what it can.
    reported = instacart("report", "--lake", "lake", "--out", "answers.html", cwd=tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert reported.stdout.startswith("answers.html  (")
    assert "no row answers promotions" in reported.stderr
    page = (tmp_path / "answers.html").read_text("utf-8")
    assert "No promotion has enough data to be judged." in page
    first = instacart(
        "query", "--file", str(TOP_PRODUCTS), "--lake", "lake", "--format", "json", cwd=tmp_path
    )
    assert [f"<td>{escape(row['product'])}</td>" in page for row in json.loads(first.stdout)] == 12 * [True]


def test_a_broken_drop_is_told_in_one_message_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "aisles.csv").write_text("aisle;name\n1;x\n")
    ran = instacart(
        "run", "--landing", "landing", "--lake", "lake", "--select", "+silver.aisles", cwd=tmp_path
    )
    assert ran.returncode == 1
    assert ran.stderr.count("wrong header") == 1
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "lake").exists()


@pytest.mark.slow
def test_silver_is_made_anew_where_that_is_asked_for_and_of_bronze_as_it_stood(tmp_path: Path) -> None:
    def run(*options: str) -> list[str]:
        places = ("--landing", "landing", "--lake", "lake", "--select", "+silver.aisles")
        ran = instacart("run", *places, *options, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        asked = instacart(
            *("query", "SELECT aisle FROM silver.aisles", "--lake", "lake", "--format", "csv"), cwd=tmp_path
        )
        assert read_version(tmp_path / "lake", "bronze.aisles") == len(landed) - 1
        return asked.stdout.splitlines()[1:]

    landed = ["fruit"]
    write_file(tmp_path, "landing/aisles.csv", "aisle_id,aisle\n1,fruit\n")
    assert run() == ['"fruit"']
    moment = datetime.now(UTC).isoformat()
    landed.append("bread")
    write_file(tmp_path, "landing/aisles.csv", "aisle_id,aisle\n1,bread\n")
    assert run() == ['"bread"']
    assert read_version(tmp_path / "lake", "silver.aisles") == 1
    run()
    assert read_version(tmp_path / "lake", "silver.aisles") == 1
    run("--full")
    assert read_version(tmp_path / "lake", "silver.aisles") == 2
    assert run("--as-of", moment) == ['"fruit"']


def test_a_blocked_table_ends_in_failure(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "aisles.csv").write_text("aisle_id,aisle\n1,fruit\n1,bread\n")
    ran = instacart(
        "run", "--landing", "landing", "--lake", "lake", "--select", "+silver.aisles", cwd=tmp_path
    )
    assert ran.returncode == 1
    assert "key_is_unique" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("query", "SELECT * FROM gold.nothing", "--lake", "lake"), {}, "not in the lake"),
        (("query", "SELEC 1", "--lake", "lake"), {}, "the query was refused"),
        (("report", "--lake", "lake"), {}, "instacart run --select"),
        (("land", "nowhere"), {}, "no such file or folder"),
        (("run", "--select", "nonsense("), {}, "cannot read the selection"),
        (("run",), {"INSTACART_TARGET": "moon"}, "INSTACART_TARGET=moon"),
    ],
    ids=["unknown-table", "bad-sql", "nothing-to-report", "nothing-to-land", "bad-selection", "bad-setting"],
)
def test_what_a_person_can_mend_is_said_plainly(
    arguments: tuple[str, ...], environment: dict[str, str], message: str, tmp_path: Path
) -> None:
    done = instacart(*arguments, cwd=tmp_path, **environment)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_answers_come_as_csv_and_are_cut_at_a_limit(tmp_path: Path) -> None:
    asked = instacart(
        "query", "SELECT * FROM range(5) ORDER BY id", "--format", "csv", "--limit", "2", cwd=tmp_path
    )
    assert asked.stdout.splitlines() == ['"id"', "0", "1"]
    assert "first 2 rows" in asked.stderr


def test_landed_files_are_not_generated_over_and_generated_ones_make_way(tmp_path: Path) -> None:
    (tmp_path / "download").mkdir()
    (tmp_path / "download" / "aisles.csv").write_text("aisle_id,aisle\n1,fruit\n")
    assert instacart("generate", "--users", "20", "--out", "landing", cwd=tmp_path).returncode == 0
    landed = instacart("land", "download", "--landing", "landing", cwd=tmp_path)
    assert landed.returncode == 0, landed.stderr
    assert "removed the generated files" in landed.stderr
    assert [path.name for path in (tmp_path / "landing").rglob("*.csv")] == ["aisles.csv"]
    # Where they were taken in already, their rows go too.
    assert {"aisles.csv", "orders.csv", "order_products__prior.csv"} <= set(
        read_withdrawn(tmp_path / "landing")
    )
    refused = instacart("generate", "--users", "20", "--out", "landing", cwd=tmp_path)
    assert refused.returncode == 1
    assert "holds files that were landed: aisles.csv" in refused.stderr


def test_a_query_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "aisles.csv").write_text("aisle_id,aisle\n1,fruit\n")
    run = ("run", "--landing", "landing", "--lake", "lake", "--select", "+silver.aisles")
    assert instacart(*run, cwd=tmp_path).returncode == 0
    refused = instacart("query", "DELETE FROM silver.aisles", "--lake", "lake", cwd=tmp_path)
    assert refused.returncode == 1
    asked = instacart(
        "query", "SELECT aisle FROM SILVER.Aisles", "--lake", "lake", "--format", "json", cwd=tmp_path
    )
    assert json.loads(asked.stdout) == [{"aisle": "fruit"}]


def test_what_did_not_land_is_told(tmp_path: Path) -> None:
    write_landing(tmp_path / "landing")
    run = ("run", "--landing", "landing", "--lake", "lake", "--select", "+silver.promotions")
    ran = instacart(*run, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "no file landed for promotions" in ran.stderr
    assert "made of nothing from bronze.promotions" in ran.stderr


def test_a_folder_that_cannot_be_used_is_told_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "aisles.csv").write_text("aisle_id,aisle\n1,fruit\n")
    (tmp_path / "taken").write_text("a file, no folder")
    landed = instacart("land", "aisles.csv", "--landing", "taken", cwd=tmp_path)
    assert landed.returncode == 1
    assert "Traceback" not in landed.stderr
    ran = instacart("run", cwd=tmp_path, DAGSTER_HOME=str(tmp_path / "missing"))
    assert "Traceback" not in ran.stderr


def ask_lake(lake: Path, *arguments: str, **environment: str) -> Result:
    """A command on a lake in this process, whose engine it then shares."""
    places = {"INSTACART_LAKE": str(lake), "COLUMNS": "120"}
    return CliRunner(env=places | environment).invoke(app, list(arguments))


def test_a_table_is_seen_as_it_stood_brought_back_and_looked_after(
    tmp_path: Path, spark: SparkSession
) -> None:
    lake = FolderLake(tmp_path / "lake", lambda: spark)
    for number, name in enumerate(("fruit", "bread")):
        publish(lake, [(1, name)], AISLES, run_id=f"run-{number}")
    moment = lake.list_commits("silver.aisles")[1].moment.isoformat()
    sql = ("SELECT name FROM silver.aisles", "--format", "csv")
    for when in (("--version", "silver.aisles=0"), ("--as-of", moment)):
        assert ask_lake(lake.root, "query", *sql, *when).stdout.splitlines() == ['"name"', '"fruit"']
    too_early = ask_lake(lake.root, "query", *sql, "--as-of", "2015-01-01")
    assert too_early.exit_code == 1
    assert "not published yet at 2015-01-01" in too_early.stderr
    assert "version 0, of" in too_early.stderr

    restored = ask_lake(lake.root, "restore", "silver.aisles", "--version", "0")
    assert restored.exit_code == 0, restored.stderr
    assert ask_lake(lake.root, "query", *sql).stdout.splitlines() == ['"name"', '"fruit"']
    told = ask_lake(lake.root, "versions", "silver.aisles").stdout
    assert [line.split()[0] for line in told.splitlines() if "run-" in line] == ["2", "1", "0"]
    assert "restored from 0" in told

    due = {"INSTACART_CHECKPOINT_AFTER": "3"}
    rehearsed = ask_lake(lake.root, "maintain", "--dry-run", **due)
    assert "checkpoint   due" in rehearsed.stdout
    assert "checkpoint   done" in ask_lake(lake.root, "maintain", **due).stdout
    assert "checkpoint" not in ask_lake(lake.root, "maintain", **due).stdout
