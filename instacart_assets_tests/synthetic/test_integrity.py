"""Every fact about keys and histories that holds without exception in the public files."""

import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic.facts import load_facts
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.synthetic.landing import Landing, read_landing


def check_orders(landing: Landing) -> None:
    """Ids are a permutation; numbers run 1 to n; the last order alone is not prior; weekdays agree with gaps."""
    orders = landing.orders
    assert sorted(orders["order_id"].tolist()) == list(range(1, len(orders["order_id"]) + 1))
    assert (np.diff(orders["user_id"]) >= 0).all()
    for user in np.unique(orders["user_id"]):
        own = orders["user_id"] == user
        count = int(own.sum())
        assert 4 <= count <= 100
        assert orders["order_number"][own].tolist() == list(range(1, count + 1))
        assert (landing.eval_set[own][:-1] == "prior").all()
        assert landing.eval_set[own][-1] in {"train", "test"}
        gaps, dow = orders["days_since_prior_order"][own], orders["order_dow"][own]
        assert gaps[0] == -1
        assert ((gaps[1:] >= 0) & (gaps[1:] <= 30)).all()
        assert gaps[1:].sum() <= 365
        exact = gaps[1:] < 30
        assert ((np.diff(dow) - gaps[1:])[exact] % 7 == 0).all()


def check_lines(landing: Landing) -> None:
    """Prior and train orders alone have lines; carts run 1 to n; no product twice; reordered tells the history."""
    eval_set = dict(zip(landing.orders["order_id"].tolist(), landing.eval_set.tolist(), strict=True))
    carts: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for name, lines in (("prior", landing.prior), ("train", landing.train)):
        assert (np.diff(lines["order_id"]) >= 0).all()
        assert {eval_set[order_id] for order_id in np.unique(lines["order_id"]).tolist()} <= {name}
        for order_id, *line in zip(*(column.tolist() for column in lines.values()), strict=True):
            carts[order_id].append((line[0], line[1], line[2]))
    assert set(carts) == {order_id for order_id, name in eval_set.items() if name != "test"}
    bought: dict[int, set[int]] = defaultdict(set)
    for order_id, user in zip(
        landing.orders["order_id"].tolist(), landing.orders["user_id"].tolist(), strict=True
    ):
        cart = carts.get(order_id, [])
        products = [product for product, _, _ in cart]
        assert [position for _, position, _ in cart] == list(range(1, len(cart) + 1))
        assert len(set(products)) == len(products)
        assert [flag for _, _, flag in cart] == [int(product in bought[user]) for product in products]
        bought[user].update(products)


def test_orders(small: Landing) -> None:
    check_orders(small)


def test_lines(small: Landing) -> None:
    check_lines(small)


@settings(max_examples=settings().max_examples // 4)
@given(users=st.integers(1, 40), seed=st.integers(0, 2**63), products=st.sampled_from([None, 134, 400]))
def test_any_arguments_give_sound_files(users: int, seed: int, products: int | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = generate(users, seed, Path(folder) / "landing", products=products)
        landing = read_landing(files.landing, files.truth)
    check_orders(landing)
    check_lines(landing)


def test_order_ids_say_nothing_of_users(small: Landing) -> None:
    assert abs(np.corrcoef(small.orders["order_id"], small.orders["user_id"])[0, 1]) < 0.05


def test_capped_gaps_end_on_any_weekday(large: Landing) -> None:
    gaps, dow = large.orders["days_since_prior_order"], large.orders["order_dow"]
    capped = np.flatnonzero(gaps == 30)
    agrees = (dow[capped] - dow[capped - 1] - 30) % 7 == 0
    assert 0.10 < agrees.mean() < 0.19  # 14 % measured


def test_orders_of_one_day_come_at_rising_hours(small: Landing) -> None:
    same_day = np.flatnonzero(small.orders["days_since_prior_order"] == 0)
    hours = small.orders["order_hour_of_day"]
    assert len(same_day) > 50
    assert (hours[same_day] >= hours[same_day - 1]).all()


def test_dates_land_on_the_orders_weekday(small: Landing) -> None:
    calendar = OrderCalendar()
    dates = small.order_dates(calendar)
    for order_id, dow in zip(
        small.orders["order_id"].tolist(), small.orders["order_dow"].tolist(), strict=True
    ):
        assert calendar.dow_of(dates[order_id]) == dow


def test_aisles_and_departments(small: Landing, large: Landing) -> None:
    for landing in (small, large):
        assert [row["aisle_id"] for row in landing.aisles] == [str(number) for number in range(1, 135)]
        assert [row["department_id"] for row in landing.departments] == [
            str(number) for number in range(1, 22)
        ]
        assert len({row["aisle"] for row in landing.aisles}) == 134
        pairs = {(int(row["aisle_id"]), int(row["department_id"])) for row in landing.products}
        assert len(pairs) == 134  # every aisle has products, and one department
        assert {aisle for aisle, department in pairs if department == 21} == {100}
        assert {aisle for aisle, department in pairs if department == 2} == {6}
        assert [row["product_id"] for row in landing.products] == [
            str(number) for number in range(1, len(landing.products) + 1)
        ]
        assert (landing.aisles[99]["aisle"], landing.aisles[5]["aisle"]) == ("missing", "other")
        assert (landing.departments[20]["department"], landing.departments[1]["department"]) == (
            "missing",
            "other",
        )


def test_full_catalogue_has_the_measured_sizes(large: Landing) -> None:
    counted = Counter(int(row["aisle_id"]) for row in large.products)
    assert [counted[aisle] for aisle in range(1, 135)] == load_facts().aisle_products.tolist()
    by_department = Counter(row["department_id"] for row in large.products)
    assert (by_department["11"], by_department["10"], by_department["21"]) == (6563, 38, 1258)
