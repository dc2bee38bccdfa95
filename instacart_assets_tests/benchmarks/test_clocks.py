"""The seconds of a part are its own, whatever it calls."""

import time

import pytest

from benchmarks.clocks import CLOCKED, MAKE, QUALITY, REST, Clocks
from instacart_assets.tables import build


def test_a_part_within_another_counts_as_its_own_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 11.0, 13.0, 16.0, 20.0, 25.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    clocks = Clocks()
    with clocks.count(REST), clocks.count(QUALITY), clocks.count(MAKE):  # from 10, 11 and 13 on
        pass  # until 16, 20 and 25
    assert clocks.seconds[""] == {REST: 1.0 + 5.0, QUALITY: 2.0 + 4.0, MAKE: 3.0}


def test_what_is_clocked_is_the_product_again_afterwards() -> None:
    before = [getattr(owner, name) for owner, name, _ in CLOCKED]
    held = build._build_held
    with Clocks().attach():
        assert all(
            getattr(owner, name) is not function
            for (owner, name, _), function in zip(CLOCKED, before, strict=True)
        )
        assert build._build_held is not held
    assert [getattr(owner, name) for owner, name, _ in CLOCKED] == before
    assert build._build_held is held


def test_a_part_that_fails_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 2.0, 4.0, 8.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    clocks = Clocks()
    with pytest.raises(ValueError, match="broken"), clocks.count(QUALITY):
        raise ValueError("broken")
    with clocks.count(MAKE):
        pass
    assert clocks.seconds[""] == {QUALITY: 1.0, MAKE: 4.0}
