"""Environment to settings."""

from datetime import date
from pathlib import Path

import pytest

from instacart_assets.settings import SettingsError, load_settings


def test_without_an_environment_data_lie_under_data(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INSTACART_LANDING", "INSTACART_LAKE", "INSTACART_TARGET"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings()
    assert (settings.landing, settings.lake_folder, settings.target) == (
        Path("data/landing"),
        Path("data/lake"),
        "local",
    )


def test_the_environment_sets_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTACART_LAKE", "elsewhere")
    monkeypatch.setenv("INSTACART_CALENDAR__FIRST_WEEKDAY", "Sunday")
    monkeypatch.setenv("INSTACART_CALENDAR__AS_OF_DATE", "2016-06-30")
    monkeypatch.setenv("INSTACART_SPARK", '{"spark.driver.memory": "8g"}')
    settings = load_settings()
    assert settings.lake_folder == Path("elsewhere")
    assert settings.spark == {"spark.driver.memory": "8g"}
    assert settings.calendar.first_weekday == "Sunday"
    assert settings.calendar.as_of_date == date(2016, 6, 30)


def test_what_is_chosen_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTACART_LAKE", "elsewhere")
    assert load_settings(lake=Path("here")).lake == Path("here")


def test_a_wrong_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTACART_CALENDAR__FIRST_WEEKDAY", "Samstag")
    with pytest.raises(SettingsError, match="INSTACART_CALENDAR__FIRST_WEEKDAY=Samstag"):
        load_settings()
