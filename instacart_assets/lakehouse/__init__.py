"""Sessions and Delta tables: where the engine is started, and the one object that knows where tables are."""
