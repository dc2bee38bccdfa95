"""The whole graph from landed files to gold: on generated customers, and on the real sample."""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from markupsafe import escape
from pyspark.sql.connect.client import SparkConnectClient

from instacart_assets.answers.assets import Reporter, build_report_assets
from instacart_assets.answers.question import load_questions
from instacart_assets.answers.report import write_report
from instacart_assets.answers.wording import CAVEATS, spell_rows
from instacart_assets.contracts.load import load_contracts
from instacart_assets.gold.promotion_placebos import MOST_PRODUCTS, MOST_WINDOWS
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.query import run_query
from instacart_assets.lakehouse.sessions import open_session
from instacart_assets.landing.files import LandingError
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.runs import GraphRun, run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import GeneratedFiles, generate
from instacart_assets.tables.notes import was_public
from instacart_assets_tests.faults.accounts import iterate_tables, read_version
from instacart_assets_tests.lake_reading import read_rows, read_sorted, read_table
from instacart_assets_tests.ui.web import BROWSERS, WIDTHS, Scheme, find_browser, open_browser, read_page

pytestmark = pytest.mark.slow

USERS = 500


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> GeneratedFiles:
    return generate(USERS, seed=7, out=tmp_path_factory.mktemp("generated") / "landing")


@pytest.fixture(scope="module")
def fetched() -> list[int]:
    """Rows of each answer that the engine gave to this process while the generated lake was built."""
    return []


@pytest.fixture(scope="module")
def generated(
    files: GeneratedFiles, tmp_path_factory: pytest.TempPathFactory, fetched: list[int]
) -> tuple[Path, GraphRun]:
    lake = tmp_path_factory.mktemp("generated_lake")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("to_table", "to_pandas"):
            patch.setattr(SparkConnectClient, name, note_rows(getattr(SparkConnectClient, name), fetched))
        return lake, run_graph(Settings(landing=files.landing, lake=lake))


def note_rows(ask: Callable[..., tuple[Any, ...]], fetched: list[int]) -> Callable[..., tuple[Any, ...]]:
    def ask_and_note(*given: Any, **named: Any) -> tuple[Any, ...]:
        answer = ask(*given, **named)
        fetched.append(len(answer[0]))
        return answer

    return ask_and_note


@pytest.fixture(scope="module")
def real(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GraphRun]:
    lake = tmp_path_factory.mktemp("real_lake")
    return lake, run_graph(Settings(landing=sample, lake=lake))


def copy_landing(landing: Path, place: Path) -> Path:
    place.mkdir()
    for file in landing.glob("*.csv"):
        (place / file.name).write_bytes(file.read_bytes())
    return place


def check_tables_keep_their_contracts(lake: Path) -> None:
    for address, contract in load_contracts().items():
        table = read_table(lake, address)
        assert tuple(table.column_names) == contract.column_names, address
        for column in contract.columns:
            assert table.schema.field(column.name).nullable is not column.required, (address, column.name)
            if column.required:
                assert table[column.name].null_count == 0, (address, column.name)
        assert table.group_by(list(contract.key)).aggregate([]).num_rows == table.num_rows, address


def check_every_line_is_counted_once(lake: Path, lines: int) -> None:
    for address in (
        "gold.daily_product_sales",
        "gold.department_daily_sales",
        "gold.department_hourly_profile",
        "gold.department_weekday_profile",
        "gold.product_repeat_purchase",
        "gold.customer_segments",
    ):
        assert pc.sum(read_table(lake, address)["units"]).as_py() == lines, address


def check_dates_keep_weekdays_and_gaps(lake: Path) -> None:
    calendar = OrderCalendar()
    history: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for order in read_rows(lake, "silver.orders"):
        assert calendar.dow_of(order["order_date"]) == order["order_dow"], order
        history[order["user_id"]].append(order)
    for orders in history.values():
        orders.sort(key=lambda order: order["order_number"])
        for earlier, later in pairwise(orders):
            days = later["order_date"] - earlier["order_date"]
            if later["is_gap_censored"]:
                assert timedelta(days=30) <= days <= timedelta(days=36), later
            else:
                assert days == timedelta(days=later["days_since_prior_order"]), later


def test_generated_customers_reach_gold(generated: tuple[Path, GraphRun], files: GeneratedFiles) -> None:
    lake, run = generated
    assert run.is_success
    assert {table.address for table in run.tables} == set(load_contracts())
    assert not any(table.failed_checks for table in run.tables)
    rows = {table.address: table.rows for table in run.tables}
    lines = files.rows["order_products__prior.csv"] + files.rows["order_products__train.csv"]
    assert rows["silver.orders"] == files.rows["orders.csv"]
    assert rows["silver.products"] == rows["gold.dim_product"] == files.rows["products.csv"]
    assert rows["silver.order_items"] == lines
    assert rows["silver.promotions"] == rows["gold.promotion_performance"] == files.rows["promotions.csv"]
    assert rows["gold.customer_segments"] == USERS
    check_tables_keep_their_contracts(lake)
    check_every_line_is_counted_once(lake, lines)
    check_dates_keep_weekdays_and_gaps(lake)


def test_no_answer_grows_with_orders_or_customers(
    generated: tuple[Path, GraphRun], files: GeneratedFiles, fetched: list[int]
) -> None:
    """What comes to this process is counts, samples and departments; and once each placebos, pairs and their products."""
    assert generated[1].is_success
    assert len(fetched) > len(load_contracts())
    large = [rows for rows in fetched if rows > USERS / 5]
    pairs = len(read_rows(generated[0], "gold.product_affinity"))
    fewer, more = sorted(rows for rows in large if rows != pairs)  # neither of them grows with orders
    assert fewer <= files.rows["products.csv"]
    assert more <= MOST_WINDOWS * MOST_PRODUCTS * files.rows["departments.csv"]


def test_promotions_are_judged_where_data_are_enough(generated: tuple[Path, GraphRun]) -> None:
    promotions = read_rows(generated[0], "gold.promotion_performance")
    judged = [row for row in promotions if row["lift"] is not None]
    assert 0 < len(judged) < len(promotions)
    assert all(row["is_enough_data"] for row in judged)
    assert all(row["lift_ci_low"] < row["lift"] < row["lift_ci_high"] for row in judged)
    for row in promotions:
        for name in ("lift_ci_low", "lift_ci_high", "p_value", "p_value_adjusted", "is_significant"):
            assert (row[name] is not None) == (row["lift"] is not None), name


def test_retention_is_judged_where_enough_customers_tell(generated: tuple[Path, GraphRun]) -> None:
    lake, _ = generated
    repeats = read_table(lake, "gold.product_repeat_purchase").to_pandas()
    judged = repeats[repeats["is_enough_first_orders"]]
    assert 0 < len(judged) < len(repeats)
    assert judged["first_order_buyers"].min() >= 40
    assert sorted(judged["retention_rank"]) == list(range(1, len(judged) + 1))
    for lift in ("retention_lift", "retention_lift_adjusted"):
        low, high = judged[f"{lift}_ci_low"], judged[f"{lift}_ci_high"]
        assert ((low < judged[lift]) & (judged[lift] < high)).all()


def test_every_question_is_answered_and_the_report_says_what_a_query_does(
    generated: tuple[Path, GraphRun], tmp_path: Path
) -> None:
    lake = FolderLake(generated[0], open_session, 1.0)
    moment = datetime(2026, 11, 29, tzinfo=UTC)
    made = write_report(lake, tmp_path / "first.html", moment)
    assert made.charts == len(load_questions())
    assert made.without_rows == ()
    page = made.path.read_text("utf-8")
    assert made.size == len(page.encode())
    for caveat in CAVEATS.values():
        assert caveat.partition(":")[0] in page
    for question in load_questions():
        rows = run_query(lake, question.sql).to_pylist()
        assert all(
            value == round(value, 4) for row in rows for value in row.values() if isinstance(value, float)
        )
        cells = [f">{escape(value)}</td>" for row in spell_rows(rows) for value in row.values()]
        section = page.split(f'<section id="{question.name}"')[1].split("</section>")[0]
        assert re.findall(r">[^<]*</td>", section) == cells
    assert write_report(lake, tmp_path / "second.html", moment).path.read_text("utf-8") == page


@pytest.mark.skipif(find_browser() is None, reason=f"no browser: install one of {', '.join(BROWSERS)}")
def test_the_report_is_read_on_a_phone_and_at_a_desk_by_day_and_by_night(
    generated: tuple[Path, GraphRun], tmp_path: Path
) -> None:
    lake = FolderLake(generated[0], open_session, 1.0)
    file = write_report(lake, tmp_path / "report.html", datetime(2026, 11, 29, tzinfo=UTC)).path
    with open_browser() as browser:
        for width, scheme in product(WIDTHS, get_args(Scheme)):
            reading = read_page(browser, file, width, scheme)
            assert (reading.beyond, reading.problems) == (0, ()), (width, scheme)
            assert (reading.brightness > 128) == (scheme == "light")
            assert reading.focus == "A"


def test_the_report_is_an_asset_at_the_end_of_the_graph(
    generated: tuple[Path, GraphRun], tmp_path: Path
) -> None:
    settings = Settings(lake=generated[0], report=tmp_path / "reports" / "index.html")
    made = dg.materialize(
        build_report_assets(settings), resources={"reporter": Reporter(settings, open_session)}
    ).asset_materializations_for_node("report__answers")[0]
    shown = {name: value.value for name, value in made.metadata.items()}
    assert shown["path"] == str(settings.report)
    assert shown["charts"] == len(load_questions())
    assert shown["bytes"] == settings.report.stat().st_size


def test_weeks_of_promotions_have_the_interval_of_a_ratio(generated: tuple[Path, GraphRun]) -> None:
    lake, _ = generated
    (question,) = (one for one in load_questions() if one.name == "promotion_weeks")
    told = {
        row["week"]: row for row in run_query(FolderLake(lake, open_session, 1.0), question.sql).to_pylist()
    }
    assert sorted(told) == list(range(-4, 5))
    windows = {
        (row["promotion_id"], row["product_id"]): row for row in read_rows(lake, "gold.promotion_performance")
    }
    units: dict[int, float] = defaultdict(float)
    expected: dict[int, float] = defaultdict(float)
    for row in read_rows(lake, "gold.promotion_daily_effect"):
        after = (row["order_date"] - windows[row["promotion_id"], row["product_id"]]["end_date"]).days
        if row["expected_units"] is not None and 1 <= after <= 7:
            units[row["promotion_id"]] += row["units"]
            expected[row["promotion_id"]] += row["expected_units"]
    sold, awaited = np.array(list(units.values())), np.array(list(expected.values()))
    effect, number = sold.sum() / awaited.sum(), len(sold)
    error = np.sqrt(((sold - effect * awaited) ** 2).sum() * number / (number - 1)) / awaited.sum()
    assert told[1]["effect"] == pytest.approx(effect, abs=6e-4)
    assert told[1]["at_least"] == pytest.approx(effect - 1.96 * error, abs=6e-4)


def test_running_again_gives_the_same_tables(
    generated: tuple[Path, GraphRun], files: GeneratedFiles, tmp_path: Path
) -> None:
    first, _ = generated
    for is_full in (False, True):  # onto nothing, then all of it onto itself
        assert run_graph(Settings(landing=files.landing, lake=tmp_path, full=is_full)).is_success
    for address in load_contracts():
        assert_alike(read_sorted(tmp_path, address), read_sorted(first, address), address)
    assert read_version(tmp_path, "silver.orders") == read_version(tmp_path, "gold.customer_segments") == 1


def test_running_again_after_nothing_happened_publishes_nothing(
    generated: tuple[Path, GraphRun], files: GeneratedFiles
) -> None:
    lake, first = generated
    before = {address: read_version(lake, address) for address in iterate_tables(lake)}
    run = run_graph(Settings(landing=files.landing, lake=lake))
    assert run.is_success
    assert {address: read_version(lake, address) for address in iterate_tables(lake)} == before
    assert [(table.address, table.rows, table.checks) for table in run.tables] == [
        (table.address, table.rows, table.checks) for table in first.tables
    ]


def assert_alike(one: pa.Table, other: pa.Table, said: str) -> None:
    """Tables hold the same but for the last digits of fractions, in which the engine differs from itself."""
    assert one.schema.equals(other.schema), said
    for name in one.column_names:
        if pa.types.is_floating(one.schema.field(name).type):
            found, expected = (table[name].to_numpy() for table in (one, other))
            np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=f"{said}.{name}")
        else:
            assert one[name].equals(other[name]), f"{said}.{name}"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda landing: (landing / "aisles.csv").unlink(), "aisles.csv: no such file"),
        (lambda landing: (landing / "orders.csv").write_bytes(b""), "orders.csv: is empty"),
        (
            lambda landing: (landing / "products.csv").write_text("id,name\n1,x\n"),
            "products.csv: wrong header",
        ),
    ],
    ids=["missing", "empty", "wrong-header"],
)
def test_a_broken_drop_writes_nothing(
    files: GeneratedFiles, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    landing = copy_landing(files.landing, tmp_path / "landing")
    spoil(landing)
    with pytest.raises(LandingError, match=message):
        run_graph(Settings(landing=landing, lake=tmp_path / "lake"))
    assert not (tmp_path / "lake").exists()


def test_what_is_refused_on_the_way_is_kept_and_the_rest_reaches_gold(
    files: GeneratedFiles, tmp_path: Path
) -> None:
    landing = copy_landing(files.landing, tmp_path / "landing")
    with (landing / "order_products__train.csv").open("ab") as file:
        file.write(b"1,\xe9,1,0\n" + b"999999999,1,1,0\n")
    run = run_graph(Settings(landing=landing, lake=tmp_path / "lake"))
    assert run.is_success, [table for table in run.tables if table.error]
    told = {table.address: (table.failed_checks, table.notes) for table in run.tables if table.failed_checks}
    assert told == {
        "bronze.order_products__train": (
            ("lines_are_well_formed",),
            ("1 line refused, see: instacart quarantine show bronze.order_products__train",),
        ),
        "silver.order_items": (
            ("order_is_known",),
            ("1 row refused, see: instacart quarantine show silver.order_items",),
        ),
    }
    (line,) = read_rows(tmp_path / "lake", "quarantine.order_products__train__lines")
    assert (line["text"], line["reason"], line["status"]) == ("1,\\xe9,1,0", "is not UTF-8", "open")
    (row,) = read_rows(tmp_path / "lake", "quarantine.order_items")
    assert (row["order_id"], row["product_id"], row["reasons"]) == ("999999999", "1", ["order_is_known"])
    lines = files.rows["order_products__prior.csv"] + files.rows["order_products__train.csv"]
    check_every_line_is_counted_once(tmp_path / "lake", lines)


def test_a_shop_without_splits_and_promotions_has_all_else(files: GeneratedFiles, tmp_path: Path) -> None:
    landing = copy_landing(files.landing, tmp_path / "landing")
    (landing / "promotions.csv").unlink()
    merge_splits(landing)
    run = run_graph(Settings(landing=landing, lake=tmp_path / "lake"))
    assert run.is_success
    assert not [table for table in run.tables if table.failed_checks]
    rows = {table.address: table.rows for table in run.tables}
    assert rows["bronze.promotions"] == rows["silver.promotions"] == rows["gold.promotion_daily_effect"] == 0
    assert not pc.any(read_table(tmp_path / "lake", "gold.daily_product_sales")["is_on_promotion"]).as_py()
    lines = files.rows["order_products__prior.csv"] + files.rows["order_products__train.csv"]
    assert rows["bronze.order_products__train"] == 0
    assert rows["bronze.order_products__prior"] == rows["silver.order_items"] == lines


def merge_splits(landing: Path) -> None:
    """Land files as a shop has them that keeps no orders apart: none without a basket, all lines in one file."""
    orders, prior, train = (
        landing / f"{name}.csv" for name in ("orders", "order_products__prior", "order_products__train")
    )
    placed = [line for line in orders.read_text().splitlines(keepends=True) if ",test," not in line]
    orders.write_text("".join(placed).replace(",train,", ",prior,"))
    lines = train.read_text().partition("\n")[2]
    train.unlink()
    with prior.open("a") as file:
        file.write(lines)


def test_the_real_sample_reaches_gold_and_loses_nothing(real: tuple[Path, GraphRun]) -> None:
    lake, run = real
    assert run.is_success, [table for table in run.tables if table.error]
    rows = {table.address: table.rows for table in run.tables}
    assert rows["silver.orders"] == 15_434
    assert rows["silver.products"] == 49_688
    assert rows["silver.order_items"] == 152_723
    check_tables_keep_their_contracts(lake)
    check_every_line_is_counted_once(lake, 152_723)


def test_the_real_sample_breaks_no_rule_and_leaves_quarantine_empty(real: tuple[Path, GraphRun]) -> None:
    lake, run = real
    assert not [table for table in run.tables if table.failed_checks]
    quarantine = sorted(folder.name for folder in (lake / "quarantine").iterdir())
    assert len(quarantine) == 13
    assert {name: read_table(lake, f"quarantine.{name}").num_rows for name in quarantine} == dict.fromkeys(
        quarantine, 0
    )


def test_the_known_numbers_are_held_against_those_real_files_that_are_complete(
    real: tuple[Path, GraphRun],
) -> None:
    lake = FolderLake(real[0], open_session)
    assert was_public(lake, ["bronze.aisles", "bronze.departments", "bronze.products", "silver.products"])
    assert not was_public(lake, ["bronze.orders"])
    assert not was_public(lake, ["silver.order_items"])


def test_dates_of_the_real_sample_keep_every_weekday_and_gap(real: tuple[Path, GraphRun]) -> None:
    check_dates_keep_weekdays_and_gaps(real[0])


def test_names_of_the_real_sample_are_as_people_write_them(real: tuple[Path, GraphRun]) -> None:
    products = {row["product_id"]: row for row in read_rows(real[0], "silver.products")}
    assert not [row for row in products.values() if '\\"' in row["product_name"]]
    assert products[6816]["product_name"].count('"') > 0
    assert (products[6816]["aisle_id"], products[6816]["department_id"]) == (87, 17)
    assert (products[6816]["aisle"], products[6816]["department"]) == ("more household", "household")
    assert sum(not row["is_classified"] for row in products.values()) == 1_258
