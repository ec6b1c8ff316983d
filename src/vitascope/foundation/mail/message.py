"""A message, and its form on the wire (RFC 5322). No text can add a header or a recipient."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from vitascope.foundation.errors import Invalid

MAX_ADDRESS_CHARACTERS = 254  # RFC 5321, section 4.5.3.1.3
_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, lone surrogates, line and paragraph separators
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class InvalidAddress(Invalid):
    """This is not an e-mail address."""


class InvalidSubject(Invalid):
    """A subject is one line of text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one person is to read; the sender is a setting of the mailer."""

    to: str
    subject: str
    text: str
    html: str | None = None

    def __post_init__(self) -> None:
        parsed_address(self.to, field="to")
        if not self.subject.strip() or any(unicodedata.category(c) in _BREAKS for c in self.subject):
            raise InvalidSubject(field="subject")


def parsed_address(text: str, *, field: str) -> Address:
    """The bare address `name@domain`; raises InvalidAddress naming the field."""
    if len(text) > MAX_ADDRESS_CHARACTERS or _CONTROL.search(text) or not text.isascii():
        raise InvalidAddress(field=field)
    try:
        address = Address(addr_spec=text)
    except (HeaderParseError, ValueError, IndexError) as error:
        raise InvalidAddress(field=field) from error
    if not address.domain or not address.username or address.addr_spec != text:
        raise InvalidAddress(field=field)
    return address


def composed(message: Message, *, sender: Address, at: datetime, unique: UUID) -> EmailMessage:
    """The message as it is sent. The same `unique` gives the same Message-ID, for who sends again."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = parsed_address(message.to, field="to")
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{unique}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    mail.set_content(_encodable(message.text))
    if message.html is not None:
        mail.add_alternative(_encodable(message.html), subtype="html")
    return mail


def _encodable(text: str) -> str:
    """The text with `?` for lone surrogates, which no encoding can write."""
    return text.encode("utf-8", "replace").decode("utf-8")
