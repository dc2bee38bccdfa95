"""Questions: SQL files whose leading comment holds the question, how to read the answer, and how to draw it.

Contains the way from a file to a ``Question``. Nothing is queried or drawn here.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from instacart_assets.errors import RemediableError

FRONT = re.compile(r"\A/\*\n(.*?)\n\*/\n(.*)\Z", re.DOTALL)
"""The leading YAML comment of a question's file, and the SQL after it."""

GOLD = re.compile(r"\bgold\.(\w+)")
"""A table as questions name it: they read only gold."""


class QuestionError(RemediableError):
    """A question's file cannot be read; the message says which one and why."""


class Model(BaseModel):
    """Base of what the leading comment may contain: unknown fields are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bars(Model):
    """A bar per row.

    Attributes:
        title: what the numbers are; shown above every chart.
        label: column that names a row.
        detail: column with more about it.
        value: column of the bar's length.
    """

    kind: Literal["bars"]
    title: str
    label: str
    detail: str | None = None
    value: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the answer that the chart shows."""
        return tuple(filter(None, (self.label, self.detail, self.value)))


class Meaning(Model):
    """The meaning of a filled mark and of a hollow one."""

    sure: str
    unsure: str


class Dots(Model):
    """A dot with its interval per row.

    Attributes:
        low: column of the interval's lower end.
        high: column of its upper end.
        sure: column that says whether the dot is filled.
        means: the meaning of filled and hollow.
        reference: the value that means no difference, if there is one.
    """

    kind: Literal["dots"]
    title: str
    label: str
    detail: str | None = None
    value: str
    low: str
    high: str
    sure: str
    means: Meaning
    reference: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the answer that the chart shows."""
        return tuple(filter(None, (self.label, self.detail, self.value, self.low, self.high, self.sure)))


class Line(Model):
    """A line with the band of its interval.

    Attributes:
        across: column of whole numbers, from left to right.
        across_title: title of that axis.
    """

    kind: Literal["line"]
    title: str
    across: str
    across_title: str
    value: str
    low: str
    high: str
    reference: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the answer that the chart shows."""
        return (self.across, self.value, self.low, self.high)


Steps = Annotated[tuple[float, ...], Field(min_length=6, max_length=6)]
"""Six thresholds between the seven colours of a heat map."""


class Heat(Model):
    """A heat map: a line of cells per row.

    Attributes:
        across: columns of a row's values, from left to right.
        steps: values at which the colour changes.
    """

    kind: Literal["heat"]
    title: str
    label: str
    across: tuple[str, ...]
    steps: Steps

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the answer that the chart shows."""
        return (self.label, *self.across)


class Weeks(Model):
    """Small heat maps of a week, days by hours: a cell per row.

    Attributes:
        panel: column that names a small map.
        down: column of the day's name.
        across: column of the hour.
        value: column of the cell's value.
    """

    kind: Literal["weeks"]
    title: str
    panel: str
    down: str
    across: str
    across_title: str
    value: str
    steps: Steps

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the answer that the chart shows."""
        return (self.panel, self.down, self.across, self.value)


Chart = Annotated[Bars | Dots | Line | Heat | Weeks, Field(discriminator="kind")]


class Context(Model):
    """What else a reader needs to know to trust a chart: how much could not be judged, what is simulated.

    Attributes:
        query: SQL that returns one row.
        says: a sentence with the row's columns in braces.
    """

    query: str
    says: str


class Front(Model):
    """The leading comment.

    Attributes:
        place: position among the questions.
        question: the question as a person asks it.
        about: how to read the answer, and what it does not say.
        chart: how it is drawn.
        context: what else there is to know.
        empty: the text to show if the answer has no rows.
    """

    place: int
    question: str
    about: str
    chart: Chart
    context: Context | None = None
    empty: str


@dataclass(frozen=True)
class Question:
    """A question that gold answers.

    Attributes:
        name: name of its file.
        front: its leading comment.
        sql: one query over tables named ``gold.table``.
    """

    name: str
    front: Front
    sql: str

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Addresses of the tables it reads, in order."""
        context = self.front.context
        return find_tables(self.sql if context is None else f"{self.sql} {context.query}")


def find_tables(sql: str) -> tuple[str, ...]:
    """Addresses of the gold tables named in the SQL, in order."""
    return tuple(sorted({f"gold.{name}" for name in GOLD.findall(sql)}))


def read_question(name: str, text: str) -> Question:
    """The question in a file's text.

    Raises:
        QuestionError: the leading comment is missing or invalid.
    """
    found = FRONT.match(text)
    if found is None:
        raise QuestionError(
            f"{name}.sql does not begin with a comment: write /* and */ on lines of their own"
        )
    try:
        front = TypeAdapter(Front).validate_python(yaml.safe_load(found[1]))
    except (yaml.YAMLError, ValidationError) as error:
        raise QuestionError(f"{name}.sql: its leading comment cannot be read: {error}") from error
    return Question(name, front, found[2])


def load_questions() -> tuple[Question, ...]:
    """All questions, in their order."""
    files = (resources.files("instacart_assets.answers") / "questions").iterdir()
    read = [read_question(file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in files]
    return tuple(sorted(read, key=lambda question: (question.front.place, question.name)))
