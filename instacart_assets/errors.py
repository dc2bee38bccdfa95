"""The one kind of error that is meant for people.

Here lives the base of every error that somebody can mend without reading code. Its message says what is wrong
(file, line or table), which rule it breaks and what to do; whoever shows it to a person shows just the message.
"""


class RemediableError(Exception):
    """Something a person can mend; the message says what is wrong and how to mend it."""
