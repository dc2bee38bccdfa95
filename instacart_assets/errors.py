"""The one kind of error that is addressed to the user.

Contains the base of every error that a user can fix without reading code. Its message says what is wrong
(file, line or table), which rule it breaks and what to do; only the message is shown to the user.
"""


class RemediableError(Exception):
    """Something a user can fix; the message says what is wrong and how to fix it."""
