"""A workspace whose calls are retried, but never forever.

Contains the connection: the SDK's client with the credentials that the SDK finds, and the rule that every call ends.
What the workspace is asked for is defined elsewhere.
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
"""Longest pause between two attempts, whatever pause the workspace requests."""

CREDENTIALS = "see that DATABRICKS_TOKEN is valid, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET of a service principal"

UNKNOWN_CLIENT = ("invalid_client", "unauthorized_client")
"""What an error says where no later attempt can succeed: the credentials are wrong."""

Answer = TypeVar("Answer")


class WorkspaceError(RemediableError):
    """The workspace refused something; the message says what, and what can be done."""


class WorkspaceOutageError(WorkspaceError):
    """The workspace has not answered for as long as the settings allow."""


class ImpatientClock(RealClock):
    """A clock for the SDK's own retries, on which they time out without sleeping.

    They handle only some kinds of failure, and pause for as long as a workspace requests.
    """

    def __init__(self) -> None:
        self._slept = 0.0

    def time(self) -> float:
        """Seconds since 1970, plus those of the skipped sleeps."""
        return super().time() + self._slept

    def sleep(self, seconds: float) -> None:
        """Advance this clock without waiting."""
        self._slept += seconds


class Workspace:
    """A workspace in which every call ends within a bounded time.

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
        """The answer to a call, which is retried after 429, 5xx or a lost connection.

        Args:
            what: what is asked for, to complete "the workspace refuses to …".
            call: one or several requests that can safely be repeated.
            within: seconds to wait; by default ``outage_seconds``.
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
            except (ValueError, NotImplementedError) as error:
                # So the SDK says that the service of OAuth tokens did not give one; whoever it does not know is refused.
                if any(refusal in str(error) for refusal in UNKNOWN_CLIENT):
                    raise WorkspaceError(
                        f"the workspace {self.host} refuses to {what}: {error}; {CREDENTIALS}"
                    ) from error
                last = error
            asked_for = getattr(last.__cause__ or last, "retry_after_secs", None) or 0
            rest = min(max(pause, asked_for), PAUSE_SECONDS)
            if time.monotonic() + rest >= deadline:
                raise WorkspaceOutageError(self._explain_silence(what, patience, last)) from last
            time.sleep(rest)
            pause *= 2

    def explain_refusal(self, what: str, error: DatabricksError, remedy: str = "") -> str:
        """The message of a refusal, with what to do about it."""
        # The SDK appends its whole configuration to some errors.
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
    """The workspace that the environment names, with the credentials that the SDK finds there.

    Args:
        outage_seconds: seconds without an answer after which a call fails.
        is_client_patient: whether the SDK's client itself retries for as long, for code that calls it directly.

    Raises:
        WorkspaceOutageError: credentials had to be fetched, and there was no answer.
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
    """Whether the same call may succeed later: too many requests, or an error of the workspace itself."""
    passing = (TooManyRequests, InternalError, TemporarilyUnavailable, DeadlineExceeded)
    # A status that the SDK has no class for, such as 502, is raised as the base class.
    return isinstance(error, passing) or type(error) is DatabricksError


def call_within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """The result of a call, or a ``TimeoutError`` in time.

    The call runs in a thread that is abandoned if it does not end: DNS lookups and token requests have no timeout of
    their own, and the wait here can be interrupted at once.
    """
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the result is read
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result(timeout=max(seconds, 0.0))
