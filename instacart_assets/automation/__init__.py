"""What makes the graph run itself: it notices new data, follows it downstream, keeps time, and tells who must know.

Here lives when something is run and who is told. How tables are made, and what a table is, the rooms below say.
"""
