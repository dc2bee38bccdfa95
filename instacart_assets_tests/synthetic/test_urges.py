"""Some products bring people back, by as much as the truth file says, and days are as restless as the world."""

import numpy as np
import pytest

from instacart_assets.synthetic.catalogue import Catalogue, build_catalogue
from instacart_assets.synthetic.facts import load_facts
from instacart_assets.synthetic.generate import GeneratedFiles
from instacart_assets.synthetic.urges import RETAINED_ORDERS, Driver, Urges, draw_drivers
from instacart_assets.synthetic.worlds import WORLDS
from instacart_assets_tests.synthetic.landing import Landing

FACTS = load_facts()
CATALOGUE = build_catalogue(1_500, 1, FACTS)
RETAINED = float(FACTS.order_count_shares[RETAINED_ORDERS:].sum())


def make_urges(world: str, drivers: list[Driver], catalogue: Catalogue = CATALOGUE) -> Urges:
    return Urges(catalogue, WORLDS[world], drivers, RETAINED, seed=1)


def find_retention(landing: Landing, products: list[int]) -> tuple[float, int]:
    """Share of retained customers among those whose first order holds one of the products, and how many they are."""
    orders = np.bincount(landing.orders["user_id"])
    lines = landing.lines
    is_first = landing.of_order("order_number", lines["order_id"]) == 1
    users = landing.of_order("user_id", lines["order_id"])[is_first & np.isin(lines["product_id"], products)]
    return float((orders[np.unique(users)] >= RETAINED_ORDERS).mean()), len(np.unique(users))


def test_drivers_bring_people_back_and_best_sellers_do_not(
    large: Landing, large_files: GeneratedFiles
) -> None:
    told = dict(line.split(",") for line in large_files.drivers.read_text("utf-8").splitlines()[1:])
    drivers = [int(product) for product in told]
    best = np.argsort(-np.bincount(large.lines["product_id"]))[:20].tolist()
    assert not set(best) & set(drivers)
    lift = np.mean([float(lift) for lift in told.values()])
    share, customers = find_retention(large, drivers)
    assert share == pytest.approx(RETAINED * lift, abs=3.5 * 0.5 / np.sqrt(customers))
    assert share > RETAINED + 3.5 * 0.5 / np.sqrt(customers)
    assert find_retention(large, best)[0] == pytest.approx(RETAINED, abs=0.03)


def test_leavers_take_a_driver_as_seldom_as_its_lift_asks() -> None:
    urges = make_urges("plain", [Driver(7, 1.25)])
    products, days = np.array([7, 7, 8]), np.zeros(3, np.int64)
    taken = urges.find_chances(products, days, is_leaving_first=np.array([True, False, True]))
    assert taken[1:].tolist() == [1.0, 1.0]
    retained_among_takers = RETAINED / (RETAINED + (1 - RETAINED) * taken[0])
    assert retained_among_takers / RETAINED == pytest.approx(1.25)


@pytest.mark.parametrize(("world", "spread"), [("plain", 0.0), ("usual", 0.3), ("harsh", 0.9)])
def test_days_are_as_restless_as_the_world(world: str, spread: float) -> None:
    products, days = (grid.ravel() for grid in np.meshgrid(np.arange(1_500), np.arange(700)))
    chances = make_urges(world, []).find_chances(products, days, is_leaving_first=np.zeros(len(days), bool))
    logs = np.log(chances)
    assert logs.max() <= 0
    assert logs.std() == pytest.approx(spread, rel=0.05)
    again = make_urges(world, []).find_chances(
        products[::-1], days[::-1], is_leaving_first=np.zeros(len(days), bool)
    )
    assert (again[::-1] == chances).all()


def test_products_of_an_aisle_have_good_days_together() -> None:
    aisle = np.argmax(np.bincount(CATALOGUE.aisle_of))
    one, two = np.flatnonzero(CATALOGUE.aisle_of == aisle)[:2]
    other = np.flatnonzero(CATALOGUE.aisle_of != aisle)[0]
    urges, days = make_urges("harsh", []), np.arange(5_000)
    logs = [
        np.log(urges.find_chances(np.full(5_000, product), days, is_leaving_first=np.zeros(5_000, bool)))
        for product in (one, two, other)
    ]
    assert np.corrcoef(logs[0], logs[1])[0, 1] == pytest.approx(0.3, abs=0.06)
    assert np.corrcoef(logs[0], logs[2])[0, 1] == pytest.approx(0.0, abs=0.06)


def test_few_customers_have_few_drivers() -> None:
    assert draw_drivers(CATALOGUE, WORLDS["usual"], 5, seed=1) == []
    assert len(draw_drivers(CATALOGUE, WORLDS["usual"], 20_000, seed=1)) == WORLDS["usual"].drivers
