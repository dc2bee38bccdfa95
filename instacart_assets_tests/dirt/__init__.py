"""The dirty-data kit: every kind of defect, injected into clean data one by one, is caught by its rule."""
