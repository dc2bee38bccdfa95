"""What runs in a task's process: the cluster as the task sees it.

It is loaded by the folder alone and imports nothing of the project, which a task must not be able to reach.
"""
