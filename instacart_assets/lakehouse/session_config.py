"""What every session is opened with, on whichever engine.

Contains configuration only, for every module that opens sessions.
"""

SESSION_CONFIG = {"spark.sql.session.timeZone": "UTC"}
"""Timestamps are read and shown in UTC on every machine."""

TIME_TRAVEL_CONFIG = {
    "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration": "false"
}
"""Delta refuses a version by the age of its commit, though readers may have seen it until a moment ago and its files are
there: ``is_readable`` knows better. For sessions that Spark itself writes Delta tables in, where they take it."""
