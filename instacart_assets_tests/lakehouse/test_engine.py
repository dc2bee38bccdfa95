"""The embedded engine, for as long as a process lives."""

import os
import subprocess
import sys

from instacart_assets.lakehouse import engine

ASK_AFTER_IDLING = """
import time
from instacart_assets.lakehouse import engine
engine.IDLE_SECONDS = {seconds}
session = engine.EmbeddedSpark().spark_session
session.sql("SELECT 1").collect()
time.sleep({idle})
print(session.sql("SELECT 2 AS two").collect())
"""


def ask_after_idling(seconds: int, idle: int) -> subprocess.CompletedProcess[str]:
    script = ASK_AFTER_IDLING.format(seconds=seconds, idle=idle)
    # This process has an engine already, and with it the setting.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAIL_")}
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )


def test_a_session_lives_as_long_as_a_process_may_wait() -> None:
    """The engine forgets a session that idles for longer than the setting, so the setting is long."""
    assert "is not running" in ask_after_idling(1, idle=12).stderr
    kept = ask_after_idling(engine.IDLE_SECONDS, idle=2)
    assert kept.stdout == "[Row(two=2)]\n"
    assert kept.stderr == ""
