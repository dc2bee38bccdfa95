"""Environment to typed settings: the one place where environment variables are named.

Here lives what differs from one machine or deployment to another. Nothing is opened or started here.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from instacart_assets.order_calendar import OrderCalendar

Target = Literal["local"]


class Settings(BaseSettings):
    """Where data lie, where work runs, and how days are counted.

    Each field is read from an environment variable: ``INSTACART_`` and the field's name in capitals
    (``INSTACART_LAKE``); a part of the calendar after two underscores
    (``INSTACART_CALENDAR__FIRST_WEEKDAY=Sunday``).
    """

    model_config = SettingsConfigDict(env_prefix="INSTACART_", env_nested_delimiter="__", frozen=True)

    landing: Path = Field(default=Path("data/landing"), description="Folder of the landed files.")
    lake: Path = Field(default=Path("data/lake"), description="Folder of the lake.")
    target: Target = Field(default="local", description="Where tables are built.")
    calendar: OrderCalendar = Field(default=OrderCalendar(), description="How days are counted.")
