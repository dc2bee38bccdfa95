"""The bundle for Databricks: its checks, and that it agrees with the code."""
