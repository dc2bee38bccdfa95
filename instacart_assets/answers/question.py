"""What is asked: SQL files that say in a leading comment what the question is, how to read it, and how it is drawn.

Here lives the way from a file to a ``Question``. Nothing is asked or drawn here.
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
"""The leading comment of a question's file, which is YAML, and the SQL after it."""

GOLD = re.compile(r"\bgold\.(\w+)")
"""A table as questions name it: they read gold alone."""


class QuestionError(RemediableError):
    """A question's file cannot be read; the message says which one and why."""


class Model(BaseModel):
    """What the leading comment may say: nothing that is not known here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bars(Model):
    """A bar per row.

    Attributes:
        title: what the numbers are; above every chart.
        label: column that names a row.
        detail: column that says more of it.
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
    """What a filled mark says, and what a hollow one."""

    sure: str
    unsure: str


class Dots(Model):
    """A dot with its interval per row.

    Attributes:
        low: column of the interval's lower end.
        high: column of its upper end.
        sure: column that says whether the dot is filled.
        means: what filled and hollow say.
        reference: the value that stands for no difference, where there is one.
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
        across_title: what these are.
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
"""Six values between the seven colours of a heat map."""


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
    """What else there is to know before a chart is believed: how much could not be judged, what is simulated.

    Attributes:
        query: SQL that gives one row.
        says: a sentence in which the row's columns stand in braces.
    """

    query: str
    says: str


class Front(Model):
    """The leading comment.

    Attributes:
        place: the questions' order.
        question: what a person asks.
        about: how the answer is to be read, and what it does not say.
        chart: how it is drawn.
        context: what else there is to know.
        empty: what is said where the answer has no rows.
    """

    place: int
    question: str
    about: str
    chart: Chart
    context: Context | None = None
    empty: str


@dataclass(frozen=True)
class Question:
    """A question that is asked of gold.

    Attributes:
        name: of its file.
        front: what its leading comment says.
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
    """Addresses of the tables of gold that SQL names, in order."""
    return tuple(sorted({f"gold.{name}" for name in GOLD.findall(sql)}))


def read_question(name: str, text: str) -> Question:
    """The question of a file's text.

    Raises:
        QuestionError: the text has no leading comment, or it is none that a question can have.
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
