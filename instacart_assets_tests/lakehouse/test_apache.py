"""How Apache Spark is begun; what it makes of tables is compared in the parity tests."""

from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from pyspark.sql import SparkSession

from instacart_assets.lakehouse import apache
from instacart_assets.lakehouse.apache import ApacheSpark, EngineError, resolve_alone


class Builder:
    """Stands for a session's, and sees whether another process could begin one meanwhile."""

    def __init__(self, lock: Path) -> None:
        self._lock = lock
        self.is_alone = False

    def master(self, _: str) -> "Builder":
        return self

    def config(self, _key: str, _value: str) -> "Builder":
        return self

    def getOrCreate(self) -> None:  # noqa: N802 - Spark's name
        with pytest.raises(Timeout):
            FileLock(self._lock).acquire(timeout=0)
        self.is_alone = True
        raise RuntimeError("begun")


def test_one_spark_at_a_time_fills_the_cache_of_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(apache, "check_java", lambda: None)
    lock = tmp_path / ".ivy2.5.2" / "instacart.lock"
    builder = Builder(lock)
    monkeypatch.setattr(SparkSession, "builder", builder)
    with pytest.raises(RuntimeError, match="begun"):
        _ = ApacheSpark().spark_session
    assert builder.is_alone
    FileLock(lock).acquire(timeout=0)  # free again, though that Spark did not come up


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    monkeypatch.setenv("HOME", str(home))
    with (
        pytest.raises(EngineError, match=r"\.ivy2\.5\.2, which cannot be written .*: set HOME"),
        resolve_alone(),
    ):
        pass
