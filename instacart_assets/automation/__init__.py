"""What runs the graph automatically: it detects new data, builds downstream tables, runs schedules, and sends alerts.

Contains when something runs and who is alerted. What a table is, and how it is built, is in the packages below.
"""
