"""Version keys of Databricks Runtimes: what is read from them, and what is known of whom they name."""

import pytest

from instacart_assets.databricks.runtimes import (
    ENVIRONMENTS,
    OLDEST_SPARK,
    RUNTIMES,
    TESTED_SPARKS,
    find_runtime,
    parse_version_key,
    spark_minor,
)
from instacart_assets.settings import DatabricksSettings


@pytest.mark.parametrize(
    ("key", "version", "variants"),
    [
        ("17.3.x-scala2.13", "17.3", {"scala2.13"}),
        ("17.3.x-photon-scala2.13", "17.3", {"photon", "scala2.13"}),
        ("16.4.x-gpu-ml-scala2.12", "16.4", {"gpu", "ml", "scala2.12"}),
        ("17.3.x-aarch64-photon-scala2.13", "17.3", {"aarch64", "photon", "scala2.13"}),
        ("18.x-scala2.13", "18", {"scala2.13"}),
    ],
)
def test_a_key_is_a_version_and_variants(key: str, version: str, variants: set[str]) -> None:
    assert parse_version_key(key) == (version, frozenset(variants))


@pytest.mark.parametrize("key", ["", "custom:release__17.3.x-snapshot", "17.3", "dlt:17.3.x"])
def test_what_is_no_key_names_no_runtime(key: str) -> None:
    assert parse_version_key(key) is None
    assert find_runtime(key) is None


def test_variants_have_the_python_and_spark_of_their_runtime() -> None:
    runtime = find_runtime("17.3.x-cpu-ml-photon-scala2.13")
    assert runtime is not None
    assert (runtime.python, runtime.spark, runtime.is_lts) == ("3.12", "4.0.0", True)


def test_a_runtime_that_is_not_listed_is_not_guessed() -> None:
    assert find_runtime("17.9.x-scala2.13") is None


def test_the_runtime_of_the_settings_is_known_tested_and_long_supported() -> None:
    runtime = find_runtime(DatabricksSettings().runtime)
    assert runtime is not None
    assert runtime.is_lts
    assert ".".join(map(str, spark_minor(runtime.spark))) in TESTED_SPARKS


def test_the_environment_of_the_settings_speaks_a_tested_spark() -> None:
    assert ENVIRONMENTS[DatabricksSettings().environment_version].spark in TESTED_SPARKS


def test_spark_never_goes_back_from_a_runtime_to_a_newer_one() -> None:
    sparks = [spark_minor(runtime.spark) for runtime in RUNTIMES.values()]
    assert sparks == sorted(sparks)
    assert sparks[0] < OLDEST_SPARK < sparks[-1]
