"""Environment to typed settings: the one place where environment variables are named.

Here lives what differs from one machine or deployment to another. Nothing is opened or started here.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from instacart_assets.errors import RemediableError
from instacart_assets.order_calendar import OrderCalendar

Target = Literal["local"]


class SettingsError(RemediableError):
    """The environment holds a setting that cannot be; the message names the variable and what it may be."""


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
    inspection_days: int = Field(
        default=7, ge=0, description="Days for which a candidate that was refused can still be looked at."
    )
    calendar: OrderCalendar = Field(default=OrderCalendar(), description="How days are counted.")


def load_settings(**chosen: Any) -> Settings:
    """The settings of the environment, except those chosen here.

    Raises:
        SettingsError: a value cannot be what its setting asks for.
    """
    try:
        return Settings(**chosen)
    except ValidationError as error:
        faults = "; ".join(
            f"INSTACART_{'__'.join(map(str, fault['loc'])).upper()}={fault['input']}: {fault['msg']}"
            for fault in error.errors()
        )
        raise SettingsError(f"a setting cannot be read: {faults}; set it right, or unset it") from error
