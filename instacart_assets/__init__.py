"""A lakehouse of grocery sales on Dagster. Import concrete submodules directly; nothing is wired here."""

__version__ = "0.1.0"
