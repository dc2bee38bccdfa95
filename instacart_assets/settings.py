"""Environment to typed settings: the one place where environment variables are named.

Defines what differs from one machine or deployment to another. Nothing is opened or started here.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from instacart_assets.errors import RemediableError
from instacart_assets.order_calendar import OrderCalendar

Target = Literal["local", "spark", "databricks", "databricks_uc", "databricks_remote", "serverless"]
"""Where tables are built: on the embedded engine; on Apache Spark in this process; on a Databricks cluster by the
step launcher, staging in DBFS or in a volume; that cluster's side of a launched step; on serverless compute."""

LAUNCHER_TARGETS: frozenset[Target] = frozenset({"databricks", "databricks_uc"})
"""Targets whose steps the step launcher sends to a cluster."""

REMOTE_TARGETS: frozenset[Target] = LAUNCHER_TARGETS | {"serverless"}
"""Targets whose tables are built in a Databricks workspace that this machine asks."""

UNREACHED_TARGETS: frozenset[Target] = frozenset({"serverless"})
"""Targets whose tables no process of Dagster reaches: a job of the workspace maintains them."""

DELTA_TARGETS: frozenset[Target] = frozenset({"spark", "databricks_remote"})
"""Targets on which Spark itself writes Delta tables."""


Environment = Literal["laptop", "dev", "staging", "prod"]
"""What a deployment is for; which sensors and schedules are on in it, ``automation/environments.py`` says."""

ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)

URL = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""How the address of a lake begins that is no folder of this machine, as dbfs:/lake or s3://bucket/lake."""

VOLUMES = "/Volumes/"


def _keep_url(value: Any) -> Any:
    return str(value) if URL.match(str(value)) else Path(value)


LakeAddress = Annotated[Path | str, BeforeValidator(_keep_url)]
"""A folder of this machine, or a URL."""


def _check_cron(cron: str) -> str:
    from dagster import DagsterInvalidDefinitionError, ScheduleDefinition  # noqa: PLC0415 - rarely, takes seconds

    try:
        ScheduleDefinition(name="asked", job_name="asked", cron_schedule=cron)
    except DagsterInvalidDefinitionError as error:
        raise ValueError(
            "no cron expression; write minute, hour, day, month and weekday, as 30 5 * * *"
        ) from error
    return cron


def _check_timezone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError, ValueError) as error:
        raise ValueError("no time zone of the IANA database; write one as Europe/Zurich") from error


def _check_receiver(url: SecretStr) -> SecretStr:
    _check_address(url.get_secret_value())
    return url


def _check_address(url: str) -> str:
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError("no address; write it as https://HOST/PATH")
    return url.rstrip("/")


def _take_for_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class SettingsError(RemediableError):
    """The environment holds a setting that cannot be; the message names the variable and what it may be."""


class DatabricksSettings(BaseModel):
    """The cluster that launched steps run on, and how they get there.

    Address and credentials of the workspace are not among them: the Databricks SDK reads ``DATABRICKS_HOST`` and
    the rest from its own environment, and no secret ever becomes a setting.
    """

    model_config = ConfigDict(frozen=True)

    cluster_id: str | None = Field(
        default=None, description="Cluster that exists; without it each step gets a new one."
    )
    runtime: str = Field(
        default="17.3.x-scala2.13", description="Databricks Runtime of a new cluster, by its version key."
    )
    node_type_id: str | None = Field(default=None, description="Node type of a new cluster.")
    instance_pool_id: str | None = Field(
        default=None, description="Pool that a new cluster takes its nodes from, instead of a node type."
    )
    policy_id: str | None = Field(default=None, description="Cluster policy that a new cluster follows.")
    workers: int = Field(default=2, ge=0, description="Workers of a new cluster; 0 for a single node.")
    staging: str | None = Field(
        default=None,
        description="Folder for what is sent to the cluster: of DBFS, by default /dagster_staging; "
        "for databricks_uc and serverless a folder of a volume, /Volumes/CATALOG/SCHEMA/VOLUME.",
    )
    libraries: tuple[str, ...] = Field(
        default=(),
        description="What is installed on the cluster: wheels by their path, or packages as pip names them.",
    )
    secrets: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables of the cluster that are taken from secret scopes, as "
        '{"NAME": "SCOPE/KEY"}.',
    )
    launcher: Literal["mended", "stock"] = Field(
        default="mended",
        description="The project's step launcher (mended), or dagster-databricks' own (stock).",
    )
    poll_seconds: float = Field(default=5.0, gt=0, description="Seconds between two polls of a launched run.")
    timeout_seconds: int = Field(
        default=4 * 60 * 60, ge=1, description="Seconds after which a launched run is cancelled."
    )
    outage_seconds: float = Field(
        default=300.0,
        gt=0,
        description="Seconds without an answer from the workspace after which a step fails.",
    )
    environment_version: str = Field(default="4", description="Version of the serverless environment.")


class BasketSettings(BaseModel):
    """Which pairs of products are reported as bought together."""

    model_config = ConfigDict(frozen=True)

    minimum_support: float = Field(
        default=0.001, gt=0, le=1, description="Share of the orders that a pair of products must be in."
    )
    minimum_orders: int = Field(
        default=20, ge=1, description="Minimum number of orders, when the share would be fewer."
    )


class ScheduleSettings(BaseModel):
    """When the whole graph is built, whatever landed, and when the lake is maintained."""

    model_config = ConfigDict(frozen=True)

    cron: Annotated[str, AfterValidator(_check_cron)] = Field(
        default="30 5 * * *", description="Minute, hour, day, month and weekday of the daily run."
    )
    maintenance_cron: Annotated[str, AfterValidator(_check_cron)] = Field(
        default="30 2 * * *", description="The same, of the daily maintenance of the lake."
    )
    timezone: Annotated[str, AfterValidator(_check_timezone)] = Field(
        default="UTC", description="Time zone of these cron expressions, by its IANA name."
    )


class AlertSettings(BaseModel):
    """Who is alerted when something is late or wrong."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    url: Annotated[SecretStr, AfterValidator(_check_receiver)] | None = Field(
        default=None, description="Address that alerts are posted to; a secret, and written nowhere."
    )
    kind: Literal["webhook", "slack"] = Field(
        default="webhook", description="What is posted: the alerts as JSON, or a message as Slack has it."
    )
    threshold: int = Field(default=1, ge=1, description="Consecutive failures before an alert is sent.")
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=15, description="Longest wait for an answer from the receiver."
    )
    ui_url: str | None = Field(
        default=None, description="Address of Dagster's web UI, for links to runs: https://HOST."
    )


class LinkSettings(BaseModel):
    """Where source and documentation of tables are published, for links in the web UI."""

    model_config = ConfigDict(frozen=True)

    repository: Annotated[str, AfterValidator(_check_address)] | None = Field(
        default=None, description="Address of the repository: https://github.com/OWNER/REPOSITORY."
    )
    revision: str = Field(default="main", description="Branch, tag or commit that runs, as links name it.")
    docs: Annotated[str, AfterValidator(_check_address)] | None = Field(
        default=None, description="Address of the documentation's site: https://HOST/PATH."
    )


class Settings(BaseSettings):
    """Where data lie, where work runs, and how days are counted.

    Each field is read from an environment variable: ``INSTACART_`` and the field's name in capitals
    (``INSTACART_LAKE``); a part of the calendar after two underscores
    (``INSTACART_CALENDAR__FIRST_WEEKDAY=Sunday``).
    """

    model_config = SettingsConfigDict(
        env_prefix="INSTACART_", env_nested_delimiter="__", frozen=True, hide_input_in_errors=True
    )

    landing: Path = Field(default=Path("data/landing"), description="Folder of the landed files.")
    lake: LakeAddress = Field(default=Path("data/lake"), description="Folder or URL of the lake.")
    report: Path = Field(default=Path("data/report/index.html"), description="File of the business report.")
    target: Target = Field(
        default="local",
        description="Where tables are built: local, spark, databricks, databricks_uc, databricks_remote, serverless.",
    )
    catalog: str | None = Field(
        default=None,
        description="Catalog of Unity Catalog that tables are named in, in place of a folder: CATALOG.LAYER.TABLE.",
    )
    schema_prefix: str = Field(
        default="", description="What the names of schemas begin with in a catalog, as dev_ for dev_silver."
    )
    scratch: str | None = Field(
        default=None,
        description="Folder for candidates (versions not yet published) and for the valid lines of damaged files, where tables are no folders "
        "that Python can reach: below /Volumes or dbfs:/.",
    )
    inspection_days: int = Field(
        default=7, ge=0, description="Days for which a refused candidate stays available for inspection."
    )
    full: bool = Field(
        default=False, description="Rebuild silver and gold from bronze, whatever has changed."
    )
    as_of: Annotated[datetime, AfterValidator(_take_for_utc)] | None = Field(
        default=None,
        description="Rebuild silver and gold from bronze as it was at this moment, ISO 8601; in UTC where it names no offset.",
    )
    lock_seconds: float = Field(
        default=3600.0, ge=0, description="Seconds to wait for a table that another run works on."
    )
    time_travel_days: int = Field(
        default=30, ge=1, description="Days for which every version of a table stays readable."
    )
    compact_after: int = Field(
        default=10,
        ge=1,
        description="Published versions after which a table's small files are compacted.",
    )
    checkpoint_after: int = Field(
        default=10,
        ge=1,
        description="Published versions after which a checkpoint of a table's log is written.",
    )
    calendar: OrderCalendar = Field(default=OrderCalendar(), description="How days are counted.")
    baskets: BasketSettings = Field(
        default=BasketSettings(), description="Which pairs of products are reported as bought together."
    )
    spark: dict[str, str] = Field(
        default_factory=dict,
        description="Spark configuration of the target spark beside the defaults, as JSON.",
    )
    databricks: DatabricksSettings = Field(
        default=DatabricksSettings(), description="The cluster that launched steps run on."
    )

    environment: Environment = Field(
        default="laptop",
        description="What this deployment is for, which says what runs by itself: laptop, dev, staging, prod.",
    )
    look_seconds: int = Field(
        default=30, ge=1, description="Seconds between two polls of the landing folder, and of what to alert."
    )
    schedule: ScheduleSettings = Field(default=ScheduleSettings(), description="When everything is built.")
    alerts: AlertSettings = Field(default=AlertSettings(), description="Who is alerted of what is wrong.")
    links: LinkSettings = Field(
        default=LinkSettings(), description="Where source and documentation are published."
    )

    @property
    def is_lake_local(self) -> bool:
        """Whether the lake is a folder of the machine that builds it."""
        return isinstance(self.lake, Path)

    @property
    def lake_folder(self) -> Path:
        """The lake's folder, where it is one of this machine."""
        return Path(self.lake)

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        """What one target asks of the other settings."""
        staging = self.databricks.staging
        if self.target in {"databricks_uc", "serverless"} and not (staging or "").startswith(VOLUMES):
            raise ValueError(
                f"the target {self.target} stages in a volume: set INSTACART_DATABRICKS__STAGING to "
                "/Volumes/CATALOG/SCHEMA/VOLUME"
            )
        if self.target == "local" and (self.catalog or isinstance(self.lake, str)):
            raise ValueError(
                "the target local keeps tables in a folder of this machine: unset INSTACART_CATALOG, and set "
                "INSTACART_LAKE to a folder"
            )
        return self


def load_settings(**chosen: Any) -> Settings:
    """The settings of the environment, except those chosen here.

    Raises:
        SettingsError: a value cannot be what its setting asks for.
    """
    try:
        return Settings(**chosen)
    except ValidationError as error:
        faults = "; ".join(_explain(fault["loc"], fault["input"], fault["msg"]) for fault in error.errors())
        raise SettingsError(f"a setting cannot be read: {faults}; set it right, or unset it") from error


SECRETS = frozenset({("alerts", "url")})
"""Settings whose values no message shows."""


def _explain(place: tuple[int | str, ...], value: Any, message: str) -> str:
    name = "__".join(map(str, place)).upper()
    if place in SECRETS:
        value = "…"
    return f"INSTACART_{name}={value}: {message}" if place else message.removeprefix("Value error, ")
