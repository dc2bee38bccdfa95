"""The bytes are those of the public files: headers, hours, days, quotes, line ends."""

import re

import pytest

from instacart_assets.synthetic.files import write_small_table
from instacart_assets.synthetic.generate import GeneratedFiles
from instacart_assets_tests.synthetic.landing import Landing

HEADERS = {
    "orders.csv": "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order",
    "order_products__prior.csv": "order_id,product_id,add_to_cart_order,reordered",
    "order_products__train.csv": "order_id,product_id,add_to_cart_order,reordered",
    "products.csv": "product_id,product_name,aisle_id,department_id",
    "aisles.csv": "aisle_id,aisle",
    "departments.csv": "department_id,department",
    "promotions.csv": "promotion_id,product_id,promotion_name,promotion_type,discount_rate,start_date,end_date,is_simulated",
}

ROWS = {
    "orders.csv": rb"\d+,\d+,(prior|train|test),\d+,[0-6],(0\d|1\d|2[0-3]),(|[12]?\d\.0|30\.0)",
    "order_products__prior.csv": rb"\d+,\d+,\d+,[01]",
    "order_products__train.csv": rb"\d+,\d+,\d+,[01]",
    "products.csv": rb'\d+,([^",]+|"(?=[^,]*[",])([^"]|"")+"),\d+,\d+',
    "aisles.csv": rb'\d+,[^",]+',
    "departments.csv": rb'\d+,[^",]+',
    "promotions.csv": rb'\d+,\d+,[^",]+,(percent_off|multi_buy|coupon|display),(0\.\d+)?,\d{4}-\d\d-\d\d,\d{4}-\d\d-\d\d,true',
}


@pytest.mark.parametrize("name", HEADERS)
def test_every_byte_follows_the_layout(name: str, small_files: GeneratedFiles) -> None:
    content = small_files.paths[name].read_bytes()
    header, *rows = content.split(b"\n")
    assert header == HEADERS[name].encode()  # so neither quotes nor a byte order mark
    assert rows.pop() == b""  # the last line ends, too
    assert b"\r" not in content
    wrong = [row for row in rows if not re.fullmatch(ROWS[name], row)]
    assert not wrong


def test_days_are_empty_exactly_in_first_orders(small_files: GeneratedFiles) -> None:
    rows = [line.split(b",") for line in small_files.paths["orders.csv"].read_bytes().splitlines()[1:]]
    assert all((row[6] == b"") == (row[3] == b"1") for row in rows)
    assert {b"00", b"08", b"23"} <= {row[5] for row in rows}
    assert {b"0.0", b"7.0", b"30.0"} <= {row[6] for row in rows}


def test_backslashes_and_doubled_quotes(large_files: GeneratedFiles) -> None:
    lines = large_files.paths["products.csv"].read_bytes().splitlines()
    with_inches = [line for line in lines if b"\\" in line]
    assert len(with_inches) == 120
    assert all(re.fullmatch(rb'\d+,"[^"\\]*(\\""[^"\\]*)+",\d+,\d+', line) for line in with_inches)
    assert any(re.search(rb'9\\""', line) for line in with_inches)


def test_traps_in_names_are_as_frequent_as_measured(large: Landing) -> None:
    names = [row["product_name"] for row in large.products]
    assert len(set(names)) == len(names) == 49_688
    assert len(names) - len({name.lower() for name in names}) == 100
    assert 2_900 < sum("," in name for name in names) < 3_600
    assert 300 < sum(not name.isascii() for name in names) < 340
    assert sum(name.endswith("\u00a0") for name in names) == 4
    assert sum(name.isdigit() for name in names) == 3
    assert not any("\n" in name or name != name.strip(" ") for name in names)


def test_small_catalogues_hold_every_trap(small: Landing) -> None:
    names = [row["product_name"] for row in small.products]
    assert len(set(names)) == len(names)
    assert len({name.lower() for name in names}) < len(names)
    for trap in ("\\", ",", "\u00a0"):
        assert any(trap in name for name in names)
    assert any(name.isdigit() for name in names)


def test_quoting_of_small_tables(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("table") / "names.csv"
    names = ['Easy Tray 9\\"x13\\" Glass', "Rice, Brown", "Plain", "805", "Crème\u00a0", None]
    assert write_small_table(path, ["id", "name"], enumerate(names)) == 6
    assert path.read_bytes().decode() == (
        'id,name\n0,"Easy Tray 9\\""x13\\"" Glass"\n1,"Rice, Brown"\n2,Plain\n3,805\n4,Crème\u00a0\n5,\n'
    )
