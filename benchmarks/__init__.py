"""What the project costs: its time and memory on generated files of any size, compared with peers; `make bench`.

It only measures. Whether results are right is what the tests check.
"""
