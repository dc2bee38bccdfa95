"""Invented grocery orders in the layout and with the statistics of the public Instacart files."""
