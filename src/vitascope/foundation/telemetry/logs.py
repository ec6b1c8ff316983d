"""Logging: one JSON object a line, with the trace, without secrets.

`configure_logging` is called once, by the composition root. Both structlog's loggers and those of
the standard library (uvicorn, SQLAlchemy, DBOS) come out the same way.
"""

import logging
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, Literal

import orjson
import structlog
from pydantic import Field

from vitascope.foundation.config import Section
from vitascope.foundation.telemetry.redaction import redact
from vitascope.foundation.telemetry.trace import current_trace

Level = Literal["debug", "info", "warning", "error"]


class LoggingSettings(Section):
    """How much is logged."""

    level: Level = Field(default="info", description="The least important lines that are written.")
    requests: bool = Field(default=True, description="One line for each HTTP request.")


def configure_logging(settings: LoggingSettings, *, stream: BinaryIO | None = None) -> None:
    """Write every log line to the stream (standard error if none is given) as JSON."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    handler = logging.StreamHandler(_TextToBytes(stream or sys.stderr.buffer))
    handler.setFormatter(_formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
    logging.getLogger("uvicorn.access").disabled = True  # our own request line says more
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            _add_time,
            _add_trace,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def json_line(event: Mapping[str, Any]) -> bytes:
    """An event as one line of JSON, with a line feed at its end."""
    return orjson.dumps(event, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)


def request_log(stream: BinaryIO | None = None) -> Callable[[Mapping[str, Any]], None]:
    """A writer of request lines that goes past the logging machinery, which costs more than the rest.

    Its events are made of our own members, and their maker keeps secrets out of the path.
    """
    write = (stream or sys.stderr.buffer).write

    def log(event: Mapping[str, Any]) -> None:
        write(json_line(event))

    return log


def _formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),
            _add_time,
            _add_trace,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.StackInfoRenderer(),
            _redact,
            _render,
        ],
    )


def _add_time(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["time"] = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
    return event


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    span = current_trace()
    if span is not None:
        event["trace"], event["span"] = span.trace_id, span.span_id
    return event


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return dict(redact(event))


def _render(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return json_line(event)[:-1].decode("utf-8")


class _TextToBytes:
    """What StreamHandler writes to: text in, UTF-8 bytes out, whatever the terminal is."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        self._stream.write(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        self._stream.flush()
