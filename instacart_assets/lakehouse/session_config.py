"""What every session is opened with, on whichever engine.

Here lives configuration alone; who opens sessions takes it from here.
"""

SESSION_CONFIG = {"spark.sql.session.timeZone": "UTC"}
"""Moments are read and shown in UTC on every machine."""
