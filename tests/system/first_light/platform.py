"""The whole platform as a user starts it: `vitascope up` in a folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from vitascope.runtime.demo.account import demo_account
from vitascope.runtime.registry import MODULES
from vitascope.runtime.settings import settings_type

_START_SECONDS = 60
_STOP_SECONDS = 30
_MAIL_SECONDS = 20
_LINK = re.compile(r"http://\S+/verify\?token=\S+")


@dataclass(frozen=True)
class RunningPlatform:
    """A platform that serves at `url` and keeps everything in `data`."""

    url: str
    data: Path

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
        files = sorted((self.data / "mail").glob("*.eml"), reverse=True)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


@contextmanager
def running(data: Path) -> Iterator[RunningPlatform]:
    """Start the platform on a free port, with a tenant where people may sign up and upload; stop it."""
    demo_account(settings_type(MODULES)(data=data))
    command = [sys.executable, "-m", "vitascope", "up", "--json", "--data", str(data), "--port", "0"]
    source = str(Path(__file__).resolve().parents[3] / "src")
    with (data / "test.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONPATH": source}
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (data / "test.log").read_text(encoding="utf-8")[-2000:]
        yield RunningPlatform(url=json.loads(line)["url"], data=data)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=_STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    return body.get_content() if body is not None else ""
