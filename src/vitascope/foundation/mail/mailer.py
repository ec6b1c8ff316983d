"""The port of mail and its two backends, chosen by the URL in the settings."""

import asyncio
import os
from email.headerregistry import Address
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import aiosmtplib
from pydantic import Field, SecretStr

from vitascope.foundation.clock import Clock
from vitascope.foundation.config import ConfigurationError, Section
from vitascope.foundation.errors import Unavailable
from vitascope.foundation.mail.message import InvalidAddress, Message, composed, parsed_address

TIMEOUT_SECONDS = 20.0
_PERMANENT = 500
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class MailUnavailable(Unavailable):
    """The mail server does not take mail now; try again later."""


class MailSettings(Section):
    """Where mail goes and from whom it comes."""

    url: SecretStr = Field(
        default=SecretStr("file:outbox"),
        description="file:FOLDER, or smtp+starttls://USER:PASSWORD@HOST:587, smtps://…, smtp://….",
    )
    sender: str = Field(default="no-reply@localhost.localdomain", description="From whom mail comes.")
    sender_name: str = Field(default="Vitascope", description="The name beside it.")


class Mailer(Protocol):
    """Sends mail."""

    async def send(self, message: Message) -> None:
        """Hand the message over for delivery; raises MailUnavailable if that may work later."""


class FileMailer:
    """Writes each message into a folder as one `.eml` file, which any mail program opens."""

    def __init__(self, folder: Path, *, sender: Address, clock: Clock) -> None:
        self._folder, self._sender, self._clock = folder, sender, clock

    async def send(self, message: Message) -> None:
        """Write the message; its file appears whole or not at all."""
        unique, now = uuid4(), self._clock.now()
        content = composed(message, sender=self._sender, at=now, unique=unique).as_bytes()
        await asyncio.to_thread(_write_whole, self._folder / f"{now:%Y%m%dT%H%M%S.%fZ}-{unique}.eml", content)


class SmtpMailer:
    """Sends through an SMTP server, one connection a message."""

    def __init__(self, url: str, *, sender: Address, clock: Clock, timeout: float = TIMEOUT_SECONDS) -> None:
        self._sender, self._clock, self._timeout = sender, clock, timeout
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._tls = parts.scheme == "smtps"
        self._starttls = parts.scheme == "smtp+starttls"
        if not self._host:
            raise ConfigurationError("The mail URL names no host.", field="url")
        if self._user and not (self._tls or self._starttls or self._host in _LOOPBACK):
            raise ConfigurationError(
                "The mail URL would send a password in the clear: use smtp+starttls:// or smtps://.",
                field="url",
            )

    async def send(self, message: Message) -> None:
        """Hand the message to the server; raises InvalidAddress if it refuses the recipient for good."""
        mail = composed(message, sender=self._sender, at=self._clock.now(), unique=uuid4())
        try:
            async with asyncio.timeout(self._timeout):
                await aiosmtplib.send(
                    mail,
                    sender=self._sender.addr_spec,
                    recipients=[message.to],
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    use_tls=self._tls,
                    start_tls=self._starttls,
                    timeout=self._timeout,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(refused.code >= _PERMANENT for refused in error.recipients):
                raise InvalidAddress("The mail server refuses this address.", field="to") from error
            raise MailUnavailable from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailUnavailable from error


def open_mailer(settings: MailSettings, *, clock: Clock, folder: Path) -> Mailer:
    """The mailer of these settings; a relative folder in a `file:` URL lies in the given one."""
    url = settings.url.get_secret_value()
    try:
        bare = parsed_address(settings.sender, field="sender")
    except InvalidAddress as error:
        raise ConfigurationError("VITASCOPE_MAIL_SENDER is not an e-mail address.") from error
    sender = Address(settings.sender_name, addr_spec=bare.addr_spec)
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileMailer(folder / unquote(parts.path), sender=sender, clock=clock)
    if parts.scheme in {"smtp", "smtps", "smtp+starttls"}:
        return SmtpMailer(url, sender=sender, clock=clock)
    raise ConfigurationError(
        f"VITASCOPE_MAIL_URL has the scheme {parts.scheme!r}; known: file, smtp, smtp+starttls, smtps."
    )


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
