"""Alerts on their way."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from instacart_assets.automation.delivery import ATTEMPTS, AlertError, deliver
from instacart_assets.settings import Settings, SettingsError, load_settings
from instacart_assets_tests.automation.receiver import Receiver, receive
from instacart_assets_tests.automation.test_alerts import ALERT


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receive() as made:
        yield made


def make_settings(url: str, **alerts: Any) -> Settings:
    return load_settings(environment="prod", alerts={"url": url, **alerts})


def test_alerts_go_out_as_one_message(receiver: Receiver) -> None:
    deliver([ALERT, ALERT], make_settings(receiver.url))
    assert len(receiver.messages) == 1
    assert receiver.list_told() == [("check failed", "silver.orders")] * 2


def test_slack_gets_its_own_words(receiver: Receiver) -> None:
    deliver([ALERT], make_settings(receiver.url, kind="slack"))
    assert set(receiver.messages[0]) == {"text", "blocks"}


@pytest.mark.parametrize("statuses", [[500], [503, 429]])
def test_a_delivery_that_fails_is_tried_again(receiver: Receiver, statuses: list[int]) -> None:
    receiver.statuses = list(statuses)
    deliver([ALERT], make_settings(receiver.url), pause=id)
    assert len(receiver.messages) == 1
    assert receiver.calls == len(statuses) + 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_receiver_that_refuses_is_told_with_all_it_was_to_hear(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status] * ATTEMPTS
    with pytest.raises(AlertError, match=rf"answered {status} .*silver.orders check failed") as caught:
        deliver([ALERT], make_settings(receiver.url), pause=id)
    assert receiver.calls == ATTEMPTS
    assert "hush" not in str(caught.value)


def test_a_receiver_that_is_not_there_is_told_without_its_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/hush-hush"
    with pytest.raises(AlertError, match="cannot be reached") as caught:
        deliver([ALERT], make_settings(url), pause=id)
    assert "hush" not in str(caught.value)


def test_a_receiver_that_never_answers_is_not_waited_for() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/hush-hush"
        started = time.monotonic()
        with pytest.raises(AlertError, match=r"connection failed|cannot be reached"):
            deliver([ALERT], make_settings(url, timeout_seconds=0.2), pause=id)
    assert time.monotonic() - started < 5


def test_without_a_receiver_the_remedy_is_told() -> None:
    with pytest.raises(AlertError, match="INSTACART_ALERTS__URL"):
        deliver([ALERT], load_settings())


@pytest.mark.parametrize("url", ["file:///etc/hush", "hush", "ftp://hush/x", "https:///hush"])
def test_an_address_that_cannot_be_is_refused_and_not_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTACART_ALERTS__URL", url)
    with pytest.raises(SettingsError, match="INSTACART_ALERTS__URL=…") as caught:
        load_settings()
    assert url not in f"{caught.value} {caught.value.__cause__}"


def test_an_address_is_a_secret() -> None:
    settings = make_settings("https://hooks.example/hush-hush")
    assert "hush" not in f"{settings!r} {settings.alerts} {settings.model_dump_json()}"
