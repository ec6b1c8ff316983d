import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import SecretStr

from vitascope.foundation.config import ConfigurationError
from vitascope.foundation.mail.mailer import Mailer, MailSettings, MailUnavailable, SmtpMailer, open_mailer
from vitascope.foundation.mail.message import InvalidAddress, Message
from vitascope.foundation.testing.clock import ManualClock
from vitascope.foundation.testing.redis import free_port

CLOCK = ManualClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
SENDER = Address("Vitascope", addr_spec="no-reply@studio.example")
HELLO = Message(to="viewer@home.example", subject="Grüße", text=".first line\nlast line", html="<p>Hi</p>")


class _Inbox:
    """What a real SMTP server took, and what it refuses."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.recipients: list[str] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        if address.startswith("busy"):
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.raw.append(cast("bytes", envelope.content))
        self.recipients += envelope.rcpt_tos
        return "250 OK"


class _Post:
    """A mailer and a way to read what it delivered."""

    def __init__(self, mailer: Mailer, delivered: Any) -> None:
        self.mailer, self.delivered = mailer, delivered


@pytest.fixture(name="inbox")
def _inbox() -> _Inbox:
    return _Inbox()


@pytest.fixture(name="smtp")
async def _smtp(inbox: _Inbox) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, loop=loop), host="127.0.0.1", port=0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.fixture(name="post", params=["file", "smtp"])
def _post(request: pytest.FixtureRequest, tmp_path: Path, inbox: _Inbox, smtp: int) -> _Post:
    if request.param == "smtp":
        return _Post(SmtpMailer(f"smtp://127.0.0.1:{smtp}", sender=SENDER, clock=CLOCK), lambda: inbox.raw)
    settings = MailSettings(url=SecretStr("file:outbox"), sender=SENDER.addr_spec)
    mailer = open_mailer(settings, clock=CLOCK, folder=tmp_path)
    return _Post(mailer, lambda: [path.read_bytes() for path in (tmp_path / "outbox").glob("*.eml")])


class TestMailer:
    async def test_delivers(self, post: _Post) -> None:
        """A message arrives with its subject, text and HTML as they were."""
        await post.mailer.send(HELLO)

        (raw,) = post.delivered()
        mail = message_from_bytes(raw, policy=default)
        text = mail.get_body(("plain",))
        assert (mail["To"], mail["Subject"], mail["From"].addresses[0]) == (HELLO.to, HELLO.subject, SENDER)
        assert text is not None
        assert text.get_content().splitlines() == [".first line", "last line"]

    async def test_many_at_once(self, post: _Post) -> None:
        """Messages sent at once all arrive, each with an id of its own."""
        await asyncio.gather(*(post.mailer.send(HELLO) for _ in range(10)))

        ids = {message_from_bytes(raw)["Message-ID"] for raw in post.delivered()}
        assert len(ids) == 10


class TestFile:
    async def test_nothing_half_written(self, tmp_path: Path) -> None:
        """If the folder cannot be written to, the error is told and no part is left."""
        (tmp_path / "outbox").write_text("a file, not a folder")
        mailer = open_mailer(MailSettings(), clock=CLOCK, folder=tmp_path)

        with pytest.raises(OSError, match="outbox"):
            await mailer.send(HELLO)

        assert _unfinished(tmp_path) == []


class TestSmtp:
    async def test_refused_recipient(self, smtp: int) -> None:
        """A recipient that the server refuses for good is a wrong address; for now, unavailable."""
        mailer = SmtpMailer(f"smtp://127.0.0.1:{smtp}", sender=SENDER, clock=CLOCK)

        with pytest.raises(InvalidAddress):
            await mailer.send(Message(to="nobody@home.example", subject="x", text="x"))
        with pytest.raises(MailUnavailable):
            await mailer.send(Message(to="busy@home.example", subject="x", text="x"))

    async def test_nobody_there(self) -> None:
        """A server that does not answer is told as unavailable."""
        mailer = SmtpMailer(f"smtp://127.0.0.1:{free_port()}", sender=SENDER, clock=CLOCK)

        with pytest.raises(MailUnavailable):
            await mailer.send(HELLO)

    async def test_silent_server(self) -> None:
        """A server that takes the connection and says nothing costs the timeout and no more."""
        server = await asyncio.start_server(_say_nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        mailer = SmtpMailer(f"smtp://127.0.0.1:{port}", sender=SENDER, clock=CLOCK, timeout=0.1)

        with pytest.raises(MailUnavailable):
            await asyncio.wait_for(mailer.send(HELLO), 60)
        server.close()

    async def test_starttls_is_not_given_up(self, smtp: int) -> None:
        """A server that offers no TLS gets nothing if TLS is asked for."""
        mailer = SmtpMailer(f"smtp+starttls://127.0.0.1:{smtp}", sender=SENDER, clock=CLOCK)

        with pytest.raises(MailUnavailable):
            await mailer.send(HELLO)


class TestOpen:
    @pytest.mark.parametrize("url", ["smtp://user:password@mail.example", "smtp://", "pigeon://x"])
    def test_refused(self, tmp_path: Path, url: str) -> None:
        """A password in the clear, no host, and an unknown scheme stop the start."""
        with pytest.raises(ConfigurationError):
            open_mailer(MailSettings(url=SecretStr(url)), clock=CLOCK, folder=tmp_path)


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def _unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))
