"""Which lake settings mean; no session is opened."""

from pathlib import Path
from typing import Any

import pytest

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.lakehouse.lake import LakePathError
from instacart_assets.lakehouse.sessions import ScratchError, find_scratch, open_lake
from instacart_assets.lakehouse.spark_lake import CatalogNames, PathNames, SparkLake
from instacart_assets.settings import Settings


def refuse() -> Any:
    raise AssertionError("a session was asked for")


def test_the_embedded_engine_has_a_folder(tmp_path: Path) -> None:
    lake = open_lake(Settings(target="local", lake=tmp_path), refuse)
    assert isinstance(lake, FolderLake)
    assert (lake.place, lake.scratch) == (str(tmp_path), None)


@pytest.mark.parametrize(
    ("chosen", "place", "scratch"),
    [
        ({"lake": "dbfs:/lake"}, "dbfs:/lake", "/dbfs/lake/_scratch"),
        ({"lake": "/Volumes/a/b/c"}, "/Volumes/a/b/c", "/Volumes/a/b/c/_scratch"),
        ({"lake": "s3://bucket/lake", "scratch": "/Volumes/a/b/c"}, "s3://bucket/lake", "/Volumes/a/b/c"),
        ({"catalog": "main", "schema_prefix": "dev_", "scratch": "dbfs:/tmp"}, "main.dev_*", "/dbfs/tmp"),
    ],
)
def test_spark_has_tables_by_path_or_by_name(chosen: dict[str, str], place: str, scratch: str) -> None:
    lake = open_lake(Settings(target="databricks_remote", **chosen), refuse)  # type: ignore[arg-type] # all are text
    assert isinstance(lake, SparkLake)
    assert (lake.place, lake.scratch) == (place, Path(scratch))


def test_a_lake_in_the_folder_one_is_in_is_named_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = open_lake(Settings(target="spark", lake=Path("data/lake")), refuse)
    assert (lake.place, lake.scratch) == (str(tmp_path / "data/lake"), tmp_path / "data/lake/_scratch")


@pytest.mark.parametrize("chosen", [{"catalog": "main"}, {"lake": "abfss://lake@account/x"}])
def test_where_python_does_not_reach_a_scratch_folder_must_be_named(chosen: dict[str, str]) -> None:
    with pytest.raises(ScratchError, match="INSTACART_SCRATCH"):
        find_scratch(Settings(target="databricks_remote", **chosen))  # type: ignore[arg-type] # all are text


def test_tables_are_called_as_spark_sql_calls_them() -> None:
    assert PathNames("dbfs:/lake/").name("silver.orders") == "delta.`dbfs:/lake/silver/orders`"
    assert PathNames("/dbfs/lake").name("silver.orders") == "delta.`dbfs:/lake/silver/orders`"
    assert CatalogNames("main", "dev_").name("silver.orders") == "`main`.`dev_silver`.`orders`"


def test_a_lake_of_a_workspace_is_not_looked_at_from_here() -> None:
    with pytest.raises(LakePathError, match="INSTACART_TARGET=local"):
        open_lake(Settings(target="databricks", lake="dbfs:/lake"), refuse)
