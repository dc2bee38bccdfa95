"""Tables: declared, built, and shown to Dagster."""
