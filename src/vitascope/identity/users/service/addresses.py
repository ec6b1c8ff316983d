"""E-mail addresses: what is one, and when two spellings are the same."""

import re
import unicodedata

from vitascope.foundation.errors import Invalid
from vitascope.foundation.mail.message import InvalidAddress, parsed_address

_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_LOCAL_CHARACTERS = 64


class NotAnAddress(Invalid):
    """This is not an e-mail address that we can write to."""


def checked(email: str) -> str:
    """The address as mail is sent to it; its domain may be international (IDNA) on the way in."""
    local, _, domain = email.strip().rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode().lower()}"
        parsed_address(address, field="email")
    except (UnicodeError, InvalidAddress) as error:
        raise NotAnAddress(field="email") from error
    if len(local) > _LOCAL_CHARACTERS or '"' in local or not _DOMAIN.fullmatch(address.rpartition("@")[2]):
        raise NotAnAddress(field="email")
    return address


def key_of(address: str) -> str:
    """What two spellings of one address have in common."""
    return unicodedata.normalize("NFKC", address).casefold()


def key_of_claim(email: str) -> str:
    """The key of whatever somebody types to sign in; what is no address has the key of none."""
    try:
        return key_of(checked(email))
    except NotAnAddress:
        return ""
