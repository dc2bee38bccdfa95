"""Sets of libraries: what they would bring, by metadata alone."""

from importlib.metadata import version

import pytest

from instacart_assets.databricks.libraries import Library, LibraryError, read_wheel, survey_libraries
from instacart_assets_tests.databricks.wheels import make_wheel


def list_chains(*packages: str, wheels: tuple[Library, ...] = (), python: str = "3.12") -> list[str]:
    """Chains that end in a package which would stand in the way of the cluster's Spark."""
    return [str(demand) for demand in survey_libraries(packages, wheels, python).sparks]


def test_the_way_to_pyspark_is_told() -> None:
    assert list_chains("dagster-databricks") == ["dagster-databricks → dagster-pyspark → pyspark"]
    assert list_chains("dagster_pyspark==0.29.27") == ["dagster-pyspark → pyspark"]
    assert list_chains("pyspark[connect]<5") == ["pyspark"]


def test_this_project_brings_pyspark_only_with_the_extras_that_need_it() -> None:
    assert list_chains("instacart-assets") == []
    assert "instacart-assets → pyspark" in list_chains("instacart-assets[local]")
    assert list_chains("instacart-assets[databricks]") == [
        "instacart-assets → dagster-databricks → dagster-pyspark → pyspark"
    ]


def test_other_names_of_the_same_module_are_found() -> None:
    assert list_chains("databricks-connect==17.3.*") == ["databricks-connect"]
    assert list_chains("pyspark-client") == ["pyspark-client"]


def test_a_wheel_is_known_by_its_own_metadata_and_goes_before_what_is_installed() -> None:
    wheel = read_wheel(
        make_wheel("dagster-databricks", "9.0", ["pyyaml"]), "/a/dagster_databricks-9.0-py3-none-any.whl"
    )
    assert list_chains("dagster-databricks", wheels=(wheel,)) == []
    wheel = read_wheel(make_wheel("things", "1.0", ["dagster-pyspark"]), "things-1.0-py3-none-any.whl")
    assert list_chains(wheels=(wheel,)) == ["things → dagster-pyspark → pyspark"]


def test_markers_are_those_of_the_cluster() -> None:
    requires = [
        'pyspark; python_version < "3.12"',
        'pyspark; sys_platform == "win32"',
        'pyspark; extra == "all"',
    ]
    wheel = read_wheel(make_wheel("things", "1.0", requires), "things-1.0-py3-none-any.whl")
    assert list_chains(wheels=(wheel,), python="3.12") == []
    assert list_chains(wheels=(wheel,), python="3.11") == ["things → pyspark"]
    assert list_chains("things[all]", wheels=(wheel,), python="3.12") == ["things → pyspark"]


def test_a_package_with_a_marker_of_another_machine_is_left_out() -> None:
    assert list_chains('pyspark; sys_platform == "win32"') == []


def test_packages_that_require_each_other_end_the_walk() -> None:
    one = read_wheel(make_wheel("one", "1.0", ["two"]), "one-1.0-py3-none-any.whl")
    two = read_wheel(make_wheel("two", "1.0", ["one", "pyspark"]), "two-1.0-py3-none-any.whl")
    assert list_chains(wheels=(one, two)) == ["one → two → pyspark"]


def test_what_is_not_installed_here_in_that_version_is_unseen() -> None:
    survey = survey_libraries(["no-such-package-anywhere", "dagster==0.1.0", "pyyaml"], [])
    assert survey.unseen == ("no-such-package-anywhere", "dagster")


def test_every_demand_for_a_package_is_found() -> None:
    survey = survey_libraries(["dagster>1", "dagster-pyspark"], [], "3.12")
    assert {str(demand.requirement) for demand in survey.demands_of("dagster")} == {
        "dagster>1",
        f"dagster=={version('dagster')}",
    }


@pytest.mark.parametrize("package", ["not a package", "/Volumes/a/b.egg", ""])
def test_what_is_no_package_is_refused(package: str) -> None:
    with pytest.raises(LibraryError, match="INSTACART_DATABRICKS__LIBRARIES"):
        survey_libraries([package], [])


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"no archive", "things-1.0-py3-none-any.whl"), (make_wheel("things", "1.0", []), "things.whl")],
)
def test_what_is_no_wheel_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(LibraryError, match="is no wheel"):
        read_wheel(content, f"/Volumes/main/ops/wheels/{name}")
