"""The project's wheel, as Databricks tasks name it.

Here live names alone, so that whoever describes a task need not import what submits one.
"""

PACKAGE, ENTRY_POINT = "instacart_assets", "instacart-task"
"""The wheel and its command that a task runs."""

ENVIRONMENT = "instacart"
"""The serverless environment that the wheel is installed in."""
