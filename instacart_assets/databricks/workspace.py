"""A workspace that is asked with patience, and never for ever.

Here lives the connection: the SDK's client with credentials of the SDK's own finding, and the rule that every call
ends. What is asked of the workspace is written elsewhere.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.clock import RealClock
from databricks.sdk.config import Config
from databricks.sdk.errors import (
    DeadlineExceeded,
    InternalError,
    PermissionDenied,
    TemporarilyUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from databricks.sdk.errors.base import DatabricksError

from instacart_assets.errors import RemediableError

ATTEMPT_SECONDS = 30.0
"""Longest wait for one answer."""

PAUSE_SECONDS = 10.0
"""Longest pause between two attempts, whatever the workspace asks for."""

CREDENTIALS = "see that DATABRICKS_TOKEN is valid, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET of a service principal"

Answer = TypeVar("Answer")


class WorkspaceError(RemediableError):
    """The workspace refused something; the message says what, and what can be done."""


class WorkspaceOutageError(WorkspaceError):
    """The workspace has not answered for as long as the settings allow."""


class ImpatientClock(RealClock):
    """A clock for the SDK's own retries, on which their time is up without anybody having slept.

    They know only some kinds of failure, and pause for as long as a workspace asks them to.
    """

    def __init__(self) -> None:
        self._slept = 0.0

    def time(self) -> float:
        """Seconds since 1970, and those that somebody meant to sleep."""
        return super().time() + self._slept

    def sleep(self, seconds: float) -> None:
        """Let time pass for whoever asks this clock, and for nobody else."""
        self._slept += seconds


class Workspace:
    """A workspace in which every call ends within a known time.

    Args:
        client: the SDK's client.
        outage_seconds: seconds without an answer after which a call fails.
    """

    def __init__(self, client: WorkspaceClient, outage_seconds: float) -> None:
        self.client = client
        self.outage_seconds = outage_seconds

    @property
    def host(self) -> str:
        """Its address."""
        return self.client.config.host

    def ask(
        self, what: str, call: Callable[[], Answer], within: float | None = None, remedy: str = ""
    ) -> Answer:
        """The answer to a call, which is made again after 429, 5xx or a lost connection.

        Args:
            what: what is asked for, to end "the workspace refuses to …".
            call: one or several requests that may be made twice.
            within: seconds to wait, by default those of an outage.
            remedy: what to do when it is refused.

        Raises:
            WorkspaceOutageError: there was no answer in time.
            WorkspaceError: it was refused.
        """
        patience = self.outage_seconds if within is None else within
        deadline = time.monotonic() + patience
        pause = 0.25
        while True:
            try:
                return call_within(deadline - time.monotonic(), call)
            except DatabricksError as error:
                if not is_passing(error):
                    raise WorkspaceError(self.explain_refusal(what, error, remedy)) from error
                last: Exception = error
            except (requests.RequestException, TimeoutError) as error:
                last = error
            asked_for = getattr(last.__cause__ or last, "retry_after_secs", None) or 0
            rest = min(max(pause, asked_for), PAUSE_SECONDS)
            if time.monotonic() + rest >= deadline:
                raise WorkspaceOutageError(self._explain_silence(what, patience, last)) from last
            time.sleep(rest)
            pause *= 2

    def explain_refusal(self, what: str, error: DatabricksError, remedy: str = "") -> str:
        """The message of a refusal, with what to do about it."""
        # The SDK adds its whole configuration to some refusals.
        said = str(error).partition(". Config: ")[0]
        is_unknown = isinstance(error, Unauthenticated) or (
            isinstance(error, PermissionDenied) and "token" in said.lower()
        )
        advice = CREDENTIALS if is_unknown else remedy
        return f"the workspace {self.host} refuses to {what}: {said}{advice and f'; {advice}'}"

    def _explain_silence(self, what: str, patience: float, last: Exception) -> str:
        return (
            f"the workspace {self.host} has not answered for {patience:g} s, asked to {what}; the last attempt: "
            f"{str(last.__cause__ or last).rstrip('.')}. See that it is up and can be reached from here, then run again; "
            "INSTACART_DATABRICKS__OUTAGE_SECONDS says how long to wait"
        )


def connect(outage_seconds: float, *, is_client_patient: bool = False) -> Workspace:
    """The workspace of the environment, with whatever credentials the SDK finds there.

    Args:
        outage_seconds: seconds without an answer after which a call fails.
        is_client_patient: whether the SDK's client itself tries again for as long, for code that calls it directly.

    Raises:
        WorkspaceOutageError: credentials had to be fetched, and nobody answered.
        WorkspaceError: address or credentials are missing.
    """
    patience = min(ATTEMPT_SECONDS, outage_seconds)

    def configure() -> WorkspaceClient:
        config = Config(
            retry_timeout_seconds=max(1, int(outage_seconds)) if is_client_patient else 1,
            http_timeout_seconds=patience,
            product="instacart-assets",
            product_version="0",
            clock=RealClock() if is_client_patient else ImpatientClock(),
        )
        return WorkspaceClient(config=config)

    try:
        return Workspace(call_within(outage_seconds, configure), outage_seconds)
    except (requests.RequestException, TimeoutError) as error:
        raise WorkspaceOutageError(
            f"nobody answered for {outage_seconds:g} s when credentials of the workspace were asked for: {error}; "
            "see that DATABRICKS_HOST is right and can be reached from here"
        ) from error
    except ValueError as error:
        raise WorkspaceError(
            f"no way into a Databricks workspace: {error}; set DATABRICKS_HOST, and {CREDENTIALS}"
        ) from error


def is_passing(error: DatabricksError) -> bool:
    """Whether the same call may well be answered later: too many requests, or a fault of the workspace itself."""
    passing = (TooManyRequests, InternalError, TemporarilyUnavailable, DeadlineExceeded)
    # A status that the SDK has no class for, as 502, comes as the bare error.
    return isinstance(error, passing) or type(error) is DatabricksError


def call_within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """The result of a call, or a ``TimeoutError`` in time.

    The call runs in a thread that is left behind when it does not end: names are looked up and tokens are fetched
    without any timeout of their own, and a wait here can be interrupted at once.
    """
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result(timeout=max(seconds, 0.0))
