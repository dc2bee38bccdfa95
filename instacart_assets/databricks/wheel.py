"""The project's wheel, as Databricks tasks name it.

Contains only names, so that code that describes a task need not import the code that submits one.
"""

PACKAGE, ENTRY_POINT = "instacart_assets", "instacart-task"
"""The wheel and its command that a task runs."""

ENVIRONMENT = "instacart"
"""The serverless environment that the wheel is installed in."""
