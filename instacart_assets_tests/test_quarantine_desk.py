"""Refused rows, looked at and sent in again from the command line."""

import csv
import json
import warnings
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from instacart_assets.cli import app
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.landing_files import write_landing

pytestmark = pytest.mark.slow

ORDERS = (
    "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order\n"
    + "".join(f"{number},{number},prior,1,2,08,\n" for number in range(1, 200))
    + "200,200,prior,1,2,99,\n"
    + "201,201,prior\n"
)


def instacart(*arguments: str, cwd: Path) -> Result:
    """The command in this process, whose engine it then shares."""
    places = {
        "INSTACART_LANDING": str(cwd / "data" / "landing"),
        "INSTACART_LAKE": str(cwd / "data" / "lake"),
    }
    with warnings.catch_warnings():
        return CliRunner(env={"COLUMNS": "120", **places}).invoke(app, list(arguments))


def write_corrected(shown: str, path: Path, **changes: str) -> Path:
    """What ``show --format csv`` printed, with some columns of its rows changed."""
    rows = [{**row, **changes} for row in csv.DictReader(shown.splitlines())]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_refused_rows_are_listed_shown_corrected_and_replayed(tmp_path: Path) -> None:
    items = "order_id,product_id,add_to_cart_order,reordered\n1,10,1,0\n"
    write_landing(
        tmp_path / "data" / "landing",
        orders=ORDERS,
        order_products__train=items.replace("1,10", "2,10"),
        order_products__prior=items,
    )
    select = ("run", "--select", "+silver.orders")
    assert instacart(*select, cwd=tmp_path).exit_code == 0

    listed = instacart("quarantine", "list", cwd=tmp_path).stdout
    assert "1 order_hour_is_in_day" in listed
    assert "1 has 3 fields where the header has 7" in listed

    lines = instacart("quarantine", "show", "bronze.orders", "--format", "csv", cwd=tmp_path).stdout
    assert [row["text"] for row in csv.DictReader(lines.splitlines())] == ["201,201,prior"]
    rows = instacart("quarantine", "show", "silver.orders", "--format", "csv", cwd=tmp_path).stdout
    assert [row["order_hour_of_day"] for row in csv.DictReader(rows.splitlines())] == ["99"]

    mended = write_corrected(rows, tmp_path / "mended.csv", order_hour_of_day="09")
    (tmp_path / "outside").mkdir()
    (tmp_path / "data" / "landing" / "orders").symlink_to(tmp_path / "outside")
    refused = instacart("quarantine", "replay", "silver.orders", str(mended), cwd=tmp_path)
    assert refused.exit_code == 1
    assert "leads out of the folder" in refused.stderr
    assert list((tmp_path / "outside").iterdir()) == []
    (tmp_path / "data" / "landing" / "orders").unlink()

    replayed = instacart("quarantine", "replay", "silver.orders", str(mended), cwd=tmp_path)
    assert replayed.exit_code == 0, replayed.stderr
    (landed,) = (tmp_path / "data" / "landing" / "orders").glob("*.csv")
    assert landed.read_text().splitlines()[1].startswith("200,200,prior,1,2,09,")
    again = instacart("quarantine", "replay", "silver.orders", str(mended), cwd=tmp_path)
    assert again.exit_code == 1
    assert "not open in the quarantine of silver.orders" in again.stderr

    line_id = next(csv.DictReader(lines.splitlines()))["row_id"]
    assert instacart("quarantine", "discard", "bronze.orders", line_id, cwd=tmp_path).exit_code == 0

    assert instacart(*select, cwd=tmp_path).exit_code == 0
    held = instacart("query", "SELECT count(*) AS n FROM silver.orders", "--format", "csv", cwd=tmp_path)
    assert held.stdout.splitlines() == ['"n"', "200"]
    asked = "SELECT resolution, count(*) AS n FROM quarantine.{} GROUP BY 1"
    for table, resolution in (("orders", "replayed"), ("orders__lines", "discarded")):
        kept = instacart("query", asked.format(table), "--format", "csv", cwd=tmp_path)
        assert kept.stdout.splitlines() == ['"resolution","n"', f'"{resolution}",1']


def test_what_was_not_corrected_is_not_replayed_and_stays_open(tmp_path: Path) -> None:
    write_landing(tmp_path / "data" / "landing", orders=ORDERS)
    select = ("run", "--select", "+silver.orders")
    assert instacart(*select, cwd=tmp_path).exit_code == 0
    show = ("quarantine", "show", "silver.orders", "--format", "csv")
    for attempt in ("first", "second"):
        rows = instacart(*show, cwd=tmp_path).stdout
        path = write_corrected(rows, tmp_path / "same.csv", order_hour_of_day="98")
        told = instacart("quarantine", "replay", "silver.orders", str(path), cwd=tmp_path)
        assert told.exit_code == (0 if attempt == "first" else 1), told.stderr
        assert instacart(*select, cwd=tmp_path).exit_code == 0
    assert "which is ingested: nothing was corrected" in told.stderr
    (held,) = csv.DictReader(instacart(*show, cwd=tmp_path).stdout.splitlines())
    assert held["order_hour_of_day"] == "98"


@pytest.mark.parametrize("of", ["silver.order_items", "bronze.order_products__prior"], ids=["row", "line"])
@pytest.mark.parametrize("run", [("run",), ("run", "--full")], ids=["next", "full"])
def test_a_basket_whose_line_was_discarded_has_a_gap_that_is_no_fault(
    tmp_path: Path, run: tuple[str, ...], of: str
) -> None:
    landing = generate(40, seed=3, out=tmp_path / "data" / "landing").landing
    file = landing / "order_products__prior.csv"
    lines = file.read_text().splitlines()
    products = Counter(line.split(",")[1] for line in lines)
    chosen = next(
        number
        for number, line in enumerate(lines[:-1])
        # not the last of its basket, and of a product that is bought once
        if products[line.split(",")[1]] == 1 and lines[number + 1].split(",")[0] == line.split(",")[0]
    )
    order_id, _, *rest = lines[chosen].split(",")
    lines[chosen] = ",".join([order_id, "999999", *rest]) if of.startswith("silver") else f"{order_id},1"
    file.write_text("\n".join([*lines, ""]))
    select = ("--select", "+silver.order_items")
    assert instacart("run", *select, cwd=tmp_path).exit_code == 0
    shown = instacart("quarantine", "show", of, "--format", "csv", cwd=tmp_path).stdout
    (refused,) = csv.DictReader(shown.splitlines())
    assert instacart("quarantine", "discard", of, refused["row_id"], cwd=tmp_path).exit_code == 0
    done = instacart(*run, *select, cwd=tmp_path)
    assert done.exit_code == 0, done.stdout
    assert instacart("validate", "--select", "silver.order_items", cwd=tmp_path).exit_code == 0


def test_rows_are_shown_as_they_landed_whatever_is_in_them(tmp_path: Path) -> None:
    name = "Milk [organic] :apple: [/x]"
    products = f"product_id,product_name,aisle_id,department_id\n10,{name},1,1\n"
    write_landing(tmp_path / "data" / "landing", products=products)
    assert instacart("run", "--select", "bronze.products", cwd=tmp_path).exit_code == 0
    asked = "SELECT product_name, product_id AS product_name, array(1, 2) AS parts FROM bronze.products"
    assert name in instacart("query", asked, cwd=tmp_path).stdout
    told = instacart("query", asked, "--format", "csv", cwd=tmp_path).stdout
    assert told.splitlines()[1] == f'"{name}","10","[1, 2]"'
    (shown,) = json.loads(instacart("query", asked, "--format", "json", cwd=tmp_path).stdout)
    assert shown == {"product_name": name, "product_name_2": "10", "parts": [1, 2]}


def test_a_query_that_is_no_text_is_told(tmp_path: Path) -> None:
    query = tmp_path / "query.sql"
    query.write_bytes("SELECT 'é'".encode("latin-1"))
    told = instacart("query", "--file", str(query), cwd=tmp_path)
    assert (told.exit_code, "is no UTF-8 text" in told.stderr) == (1, True)


def test_a_replay_that_cannot_be_is_told(tmp_path: Path) -> None:
    write_landing(tmp_path / "data" / "landing", orders=ORDERS)
    unbuilt = instacart("quarantine", "show", "silver.orders", cwd=tmp_path)
    assert (unbuilt.exit_code, "was never built" in unbuilt.stderr) == (1, True)
    assert instacart("run", "--select", "+silver.orders", cwd=tmp_path).exit_code == 0
    for content, fault in {
        "row_id,order_id\nx,1\n": "lacks the column(s) user_id",
        ORDERS.splitlines()[0] + ",row_id\n": "holds no rows",
        ORDERS.splitlines()[0] + ",row_id\n1,1,prior,1,2,08,,nobody\n": "not open in the quarantine",
        '"order_id': "its header is no CSV",
        ORDERS.splitlines()[0] + ",row_id\n1,1,prior\n": "has not as many fields as the header",
    }.items():
        path = tmp_path / "mended.csv"
        path.write_text(content)
        told = instacart("quarantine", "replay", "silver.orders", str(path), cwd=tmp_path)
        assert told.exit_code == 1, content
        assert fault in told.stderr, content
    gold = instacart("quarantine", "show", "gold.dim_date", cwd=tmp_path)
    assert "refuses no rows" in gold.stderr
    assert "is no table; give one of" in instacart("quarantine", "show", "order", cwd=tmp_path).stderr


def test_published_tables_are_validated_again_with_pages(tmp_path: Path) -> None:
    write_landing(tmp_path / "data" / "landing")
    assert instacart("run", "--select", "+silver.products", cwd=tmp_path).exit_code == 0
    done = instacart("validate", "--out", str(tmp_path / "pages"), cwd=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "silver.products" in done.stdout
    page = (tmp_path / "pages" / "index.html").read_text()
    assert "silver.products" in page
    assert list((tmp_path / "pages" / "validations").rglob("*.html"))
