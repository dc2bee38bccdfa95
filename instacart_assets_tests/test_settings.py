"""Environment to settings."""

from datetime import UTC, date
from pathlib import Path

import pytest
from pydantic import BaseModel

from instacart_assets.settings import DatabricksSettings, Settings, SettingsError, load_settings


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


@pytest.mark.parametrize(
    ("part", "value"), [("MINIMUM_SUPPORT", "0"), ("MINIMUM_SUPPORT", "1.5"), ("MINIMUM_ORDERS", "0")]
)
def test_a_share_of_baskets_is_one_and_a_floor_is_a_floor(
    monkeypatch: pytest.MonkeyPatch, part: str, value: str
) -> None:
    monkeypatch.setenv("INSTACART_BASKETS__MINIMUM_SUPPORT", "0.01")
    assert load_settings().baskets.minimum_support == 0.01
    monkeypatch.setenv(f"INSTACART_BASKETS__{part}", value)
    with pytest.raises(SettingsError, match=f"INSTACART_BASKETS__{part}={value}"):
        load_settings()


def list_variables() -> list[str]:
    """Every variable that sets something."""
    parts = {name: field.annotation for name, field in Settings.model_fields.items()}
    nested = {
        f"{name}__{part}"
        for name, kind in parts.items()
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for part in kind.model_fields
    }
    plain = {name for name in parts if not any(one.startswith(f"{name}__") for one in nested)}
    return [f"INSTACART_{name.upper()}" for name in sorted(plain | nested)]


@pytest.mark.parametrize("variable", list_variables())
def test_every_variable_is_documented(variable: str) -> None:
    page = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
    assert f"`{variable}`" in page.read_text("utf-8")


def test_defaults_in_the_pages_are_the_defaults() -> None:
    page = (Path(__file__).parents[1] / "docs" / "how-to" / "databricks.md").read_text("utf-8")
    for name, field in DatabricksSettings.model_fields.items():
        (row,) = [line for line in page.splitlines() if f"`INSTACART_DATABRICKS__{name.upper()}` |" in line]
        said = row.split("|")[2].strip().strip("`")
        default = field.get_default(call_default_factory=True)
        if default is None:
            assert said in {"none", "/dagster_staging"}, row
        elif isinstance(default, str | int | float):
            assert said == f"{default:g}" if isinstance(default, float) else said == str(default), row
        else:
            assert said in {"[]", "{}"}, row


@pytest.mark.parametrize(
    ("chosen", "remedy"),
    [
        ({"target": "databricks_uc"}, "INSTACART_DATABRICKS__STAGING"),
        ({"target": "serverless"}, "INSTACART_DATABRICKS__STAGING"),
        ({"target": "local", "catalog": "main"}, "unset INSTACART_CATALOG"),
        ({"target": "local", "lake": "s3://bucket/lake"}, "INSTACART_LAKE to a folder"),
    ],
)
def test_what_a_target_cannot_do_with_is_told_with_the_variable(chosen: dict[str, str], remedy: str) -> None:
    with pytest.raises(SettingsError, match=remedy):
        load_settings(**chosen)


def test_a_lake_by_url_keeps_its_slashes() -> None:
    assert load_settings(target="spark", lake="s3://bucket/lake").lake == "s3://bucket/lake"
    assert load_settings(target="spark", lake="some/folder").lake == Path("some/folder")


@pytest.mark.parametrize(
    ("said", "hour"), [("2026-11-23T18:30", 18), ("2026-11-23T18:30+01:00", 17), ("2026-11-23", 0)]
)
def test_a_moment_without_an_offset_is_in_utc(monkeypatch: pytest.MonkeyPatch, said: str, hour: int) -> None:
    monkeypatch.setenv("INSTACART_AS_OF", said)
    moment = load_settings().as_of
    assert moment is not None
    assert moment.astimezone(UTC).hour == hour
