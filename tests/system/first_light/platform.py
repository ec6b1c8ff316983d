"""The whole platform as a user starts it: `vitascope up` in a folder of its own."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from vitascope.runtime.demo.account import DemoAccount, demo_account
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import settings_type

PATIENCE_SECONDS = 240
_STOP_SECONDS = 60
_MAIL_SECONDS = 60
_LINK = re.compile(r"http://\S+/verify\?token=\S+")


@dataclass(frozen=True)
class RunningPlatform:
    """A platform that serves at `url` and keeps everything in `data`; `owner` can sign in."""

    url: str
    data: Path
    owner: DemoAccount

    def link_for(self, email: str) -> str:
        """The link in the newest mail to this address; waits for it."""
        until = time.monotonic() + _MAIL_SECONDS
        while time.monotonic() < until:
            for message in self._mails():
                if email in str(message["To"]) and (link := _LINK.search(_text_of(message))):
                    return link[0]
            time.sleep(0.1)
        raise AssertionError(f"no mail with a link came for {email}")

    def _mails(self) -> list[EmailMessage]:
        files = sorted((self.data / "outbox").glob("*.eml"), reverse=True)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


@contextmanager
def running() -> Iterator[RunningPlatform]:
    """Start the platform on a free port, with a tenant where people may sign up and upload; stop it."""
    with _folder() as data:
        log = data.with_name("test.log")
        with _process(data, log) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text(encoding="utf-8")[-2000:]
            owner = demo_account(settings_type(MODULES)(data=data))
            yield RunningPlatform(url=json.loads(line)["url"], data=data, owner=owner)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that PostgreSQL may enter too, which does not run as root."""
    with tempfile.TemporaryDirectory(prefix="vitascope-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


@contextmanager
def _process(data: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "vitascope", "up", "--json", "--data", str(data), "--port", "0"]
    source = str(Path(__file__).resolve().parents[3] / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment) as process,
    ):
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does; a platform that does not stop is a failure."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def _text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    return body.get_content() if body is not None else ""


async def until(page: Page, expression: str) -> Any:
    """Wait until this is true in the page; asked from here, because the page's policy allows no eval."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (value := await page.evaluate(expression)):  # noqa: ASYNC110 - a browser's state is asked for
            await asyncio.sleep(0.1)
    return value
