"""What every session is opened with, on whichever engine.

Contains configuration only, for every module that opens sessions.
"""

SESSION_CONFIG = {"spark.sql.session.timeZone": "UTC"}
"""Timestamps are read and shown in UTC on every machine."""
