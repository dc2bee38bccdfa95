"""What the project costs: its time and memory on generated files of any size, beside peers; `make bench`.

Here lives measuring alone. Whether results are right is what the tests are for.
"""
