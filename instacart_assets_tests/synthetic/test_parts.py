"""The small parts: index arithmetic, catalogue sizes, and the calibration shipped with the package."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instacart_assets.synthetic import calibrate as calibrate_module
from instacart_assets.synthetic.arrays import expand_ranges, first_of_each, starts_of
from instacart_assets.synthetic.calibrate import calibrate, write_calibration
from instacart_assets.synthetic.calibration import load_calibration, wanted_reorder_rates
from instacart_assets.synthetic.catalogue import build_catalogue, products_for
from instacart_assets.synthetic.facts import load_facts
from instacart_assets.synthetic.popularity import curve_of_ranks
from instacart_assets.synthetic.vocabulary import AISLES, DEPARTMENTS, VARIANTS

FACTS = load_facts()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6))))
def test_expanded_ranges_are_the_ranges(ranges: list[tuple[int, int]]) -> None:
    starts, sizes = (np.array([pair[at] for pair in ranges], dtype=np.int64) for at in range(2))
    expected = [start + step for start, size in ranges for step in range(size)]
    assert expand_ranges(starts, sizes).tolist() == expected
    assert starts_of(sizes).tolist() == [sum(sizes[:at].tolist()) for at in range(len(ranges) + 1)]


@given(st.lists(st.integers(-3, 3)))
def test_first_of_each_key(keys: list[int]) -> None:
    assert first_of_each(np.array(keys, dtype=np.int64)).tolist() == [
        keys.index(key) for key in sorted(set(keys))
    ]


@pytest.mark.parametrize(
    ("users", "products"), [(1, 1_500), (500, 2_447), (206_209, 49_688), (10**7, 49_688)]
)
def test_catalogue_grows_with_the_users(users: int, products: int) -> None:
    assert products_for(users, FACTS) == products


@pytest.mark.parametrize("products", [134, 1_500, 60_000])
def test_catalogue_shares_follow_the_aisles(products: int) -> None:
    catalogue = build_catalogue(products, 3, FACTS)
    by_aisle = np.bincount(catalogue.aisle_of, weights=catalogue.shares)
    assert catalogue.size == products
    assert by_aisle == pytest.approx(FACTS.aisle_shares)
    assert len(set(catalogue.names)) == products


def test_popularity_curve_keeps_its_head_and_falls() -> None:
    curve = curve_of_ranks(49_688, FACTS)
    assert curve.sum() == pytest.approx(1)
    assert (np.diff(curve) <= 0).all()
    assert curve[0] == pytest.approx(2820 / 199_990)
    assert curve[999] == pytest.approx(33 / 199_990, rel=0.02)


def test_facts_fit_together() -> None:
    for shares in (FACTS.order_count_shares, FACTS.gap_shares, FACTS.final_gap_shares, FACTS.aisle_shares):
        assert shares.sum() == pytest.approx(1)
    assert FACTS.aisle_products.sum() == FACTS.products == 49_688
    wanted = wanted_reorder_rates(FACTS)
    assert len(wanted) == 100
    assert (np.diff(wanted) >= 0).all()


def test_vocabulary_is_complete() -> None:
    assert list(AISLES) == list(range(1, len(FACTS.aisle_departments) + 1))
    assert len(set(DEPARTMENTS)) == len(DEPARTMENTS) == FACTS.aisle_departments.max()
    assert {style for _, style, _ in AISLES.values()} <= set(VARIANTS)


def test_calibration_is_written_as_it_is_shipped(tmp_path: Path) -> None:
    write_calibration(load_calibration(), tmp_path / "calibration.json")
    shipped = resources.files("instacart_assets.synthetic").joinpath("calibration.json").read_text()
    assert (tmp_path / "calibration.json").read_text() == shipped


def test_calibrating_moves_habits_towards_the_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate_module, "_USERS", 1_024)
    monkeypatch.setattr(calibrate_module, "_CHUNK", 512)
    once, thrice = calibrate(rounds=1), calibrate(rounds=3)
    shipped = load_calibration()
    misses = [
        np.abs(found.reorder_odds[1:15] - shipped.reorder_odds[1:15]).mean() for found in (once, thrice)
    ]
    assert misses[1] < misses[0]
    assert misses[1] < 0.25
