"""Delivers alerts to their receiver, or fails loudly.

Contains one POST request and its retries. The receiver's address is a secret: no error and no log line contains it.
"""

import json
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from instacart_assets.automation.alerts import Alert, write_slack, write_webhook
from instacart_assets.errors import RemediableError
from instacart_assets.settings import Settings

ATTEMPTS = 3
PAUSE_SECONDS = 0.5
"""Pause after the first attempt; doubled after each further one."""


class AlertError(RemediableError):
    """Alerts could not be delivered; the message says why, and the next poll tries again."""


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: a redirected POST would become a GET, and its response would look like success."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow none: the response is an error."""


def deliver(
    alerts: Sequence[Alert], settings: Settings, pause: Callable[[float], object] = time.sleep
) -> None:
    """Post alerts as one message, so that all of them arrive or none, in up to ``ATTEMPTS`` attempts.

    Raises:
        AlertError: no receiver is set, or no attempt succeeded.
    """
    receiver = settings.alerts
    if receiver.url is None:
        raise AlertError(
            f"{_count(alerts)} and nobody to alert: set INSTACART_ALERTS__URL to the address that receives alerts, "
            "or stop this sensor"
        )
    write = write_slack if receiver.kind == "slack" else write_webhook
    body = json.dumps(write(alerts, settings.environment, receiver.ui_url)).encode()
    reasons = []
    for attempt in range(ATTEMPTS):
        if attempt:
            pause(PAUSE_SECONDS * 2 ** (attempt - 1))
        reason = _post(receiver.url.get_secret_value(), body, receiver.timeout_seconds)
        if reason is None:
            return
        reasons.append(reason)
    _give_up(alerts, reasons)


def _post(url: str, body: bytes, timeout: float) -> str | None:
    """Why a message did not arrive; None where it did."""
    request = Request(url, body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - always http(s)
    try:
        with build_opener(_NoRedirects).open(request, timeout=timeout):
            return None
    except HTTPError as error:
        with error:
            return f"it answered {error.code} {HTTPStatus(error.code).phrase if error.code in _KNOWN else ''}".rstrip()
    except URLError as error:
        return (
            f"it cannot be reached ({getattr(error.reason, 'strerror', None) or type(error.reason).__name__})"
        )
    except (OSError, HTTPException, ValueError) as error:  # their messages may contain the address
        return f"the connection failed ({type(error).__name__})"


_KNOWN = frozenset(HTTPStatus)


def _give_up(alerts: Sequence[Alert], reasons: Sequence[str]) -> NoReturn:
    raise AlertError(
        f"{_count(alerts)} could not be delivered to the receiver of INSTACART_ALERTS__URL in {len(reasons)} attempts: "
        f"{', then '.join(dict.fromkeys(reasons))}; they are kept, and delivered with the next poll. See that the "
        "receiver is up and the address right. What they say: "
        + "; ".join(f"{alert.subject} {alert.kind}: {alert.rule}, {alert.observed}" for alert in alerts)
    )


def _count(alerts: Sequence[Alert]) -> str:
    return f"{len(alerts)} alert{'s' * (len(alerts) != 1)}"
