import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from vitascope.foundation.telemetry.logs import LoggingSettings, configure_logging
from vitascope.foundation.telemetry.redaction import is_secret_name
from vitascope.foundation.telemetry.trace import new_trace, traced

CANARY = "canary-7f3a9c"


class _Log:
    def __init__(self) -> None:
        self.stream = io.BytesIO()

    def text(self) -> str:
        return self.stream.getvalue().decode()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture(name="log")
def _log() -> Iterator[_Log]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log = _Log()
    configure_logging(LoggingSettings(level="debug"), stream=log.stream)
    yield log
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


class TestLines:
    def test_one_object_a_line(self, log: _Log) -> None:
        """Ours and the standard library's lines have the same shape, with the trace of the running span."""
        with traced(new_trace()) as span:
            structlog.stdlib.get_logger("vitascope.test").info("film.uploaded", size=7)
            logging.getLogger("some.library").warning("slow %s", "query")

        ours, theirs = log.events()
        assert (ours["event"], ours["size"], ours["level"], ours["logger"]) == (
            "film.uploaded",
            7,
            "info",
            "vitascope.test",
        )
        assert (theirs["event"], theirs["level"], theirs["logger"]) == (
            "slow query",
            "warning",
            "some.library",
        )
        assert ours["trace"] == theirs["trace"] == span.trace_id
        assert ours.keys() >= {"time", "span"}

    def test_line_feed_cannot_forge_a_line(self, log: _Log) -> None:
        """Text with line feeds stays within its line."""
        structlog.stdlib.get_logger().info('x\n{"event":"forged"}')

        assert len(log.events()) == 1

    def test_level(self, log: _Log) -> None:
        """Lines below the level are not written."""
        configure_logging(LoggingSettings(level="warning"), stream=log.stream)

        structlog.stdlib.get_logger().info("quiet")
        logging.getLogger("x").info("quiet")

        assert log.text() == ""


class TestRedaction:
    def test_canary(self, log: _Log) -> None:
        """A secret stays out of the log wherever it stands."""
        logger = structlog.stdlib.get_logger()
        logger.info(
            "a", password=CANARY, apiKey=CANARY, refresh_token=CANARY, Authorization=f"Bearer {CANARY}"
        )
        logger.info(
            "b", headers={"Cookie": CANARY, "x": [{"client_secret": CANARY}]}, value=SecretStr(CANARY)
        )
        logger.info(
            "c", url=f"postgresql://app:{CANARY}@db/x", header=f"Bearer {CANARY}", raw=f"x=1&token={CANARY}"
        )
        logging.getLogger("lib").warning("connect to %s", f"redis://:{CANARY}@cache")
        logging.getLogger("lib").warning("extra", extra={"secret": CANARY})
        logger.error("d", exc_info=ValueError(f"login failed: password={CANARY}"))

        assert len(log.events()) == 6
        assert CANARY not in log.text()
        assert "login failed" in log.text()

    def test_what_is_no_secret_stays(self, log: _Log) -> None:
        """Values that only look near are kept, so that the log stays of use."""
        structlog.stdlib.get_logger().info("x", author="kept-2", key="kept-3", deep={"a": ("kept-4",)})

        assert all(f"kept-{n}" in log.text() for n in (2, 3, 4))

    def test_deep_value_is_cut(self, log: _Log) -> None:
        """A value that contains itself does not hang the logger."""
        loop: dict[str, Any] = {}
        loop["again"] = loop

        structlog.stdlib.get_logger().info("x", loop=loop)

        assert "[too deep]" in log.text()

    @pytest.mark.parametrize(
        "name",
        [
            "password",
            "userPassword",
            "PASSWORD",
            "api_key",
            "apiKey",
            "x-api-key",
            "Set-Cookie",
            "authorization",
            "privateKey",
            "otp",
        ],
    )
    def test_secret_names(self, name: str) -> None:
        """The names under which secrets travel are known in every spelling."""
        assert is_secret_name(name)

    @pytest.mark.parametrize("name", ["author", "title", "key", "compass", "secretary", "broken"])
    def test_other_names(self, name: str) -> None:
        """A name that only contains such a word by chance is no secret."""
        assert not is_secret_name(name)
