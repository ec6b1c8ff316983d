from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import default
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.foundation.mail.message import InvalidAddress, InvalidSubject, Message, composed

SENDER = Address("Vitascope", addr_spec="no-reply@studio.example")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _sent(message: Message) -> bytes:
    return composed(message, sender=SENDER, at=NOON, unique=UUID(int=1)).as_bytes()


class TestMessage:
    @pytest.mark.parametrize(
        "address",
        [
            "",
            "a",
            "a@",
            "@b.org",
            "a@b.org\r\nBcc: c@d.org",
            "a@b.org, c@d.org",
            "A <a@b.org>",
            "a@b.org\n",
            "ä@b.org",
            "a b@c.org",
            "x" * 250 + "@b.org",
        ],
    )
    def test_address(self, address: str) -> None:
        """What is not one bare address is refused, and the field is named."""
        with pytest.raises(InvalidAddress) as caught:
            Message(to=address, subject="Hello", text="x")

        assert caught.value.field == "to"

    @pytest.mark.parametrize(
        "subject",
        ["", " ", "Hi\r\nBcc: x@y.org", "Hi\nX: y", "Hi\x00", "Hi\u2028X: y", "Hi\x85X: y", "Hi\ud800"],
    )
    def test_subject(self, subject: str) -> None:
        """A subject of more than one line, or of none, is refused."""
        with pytest.raises(InvalidSubject):
            Message(to="a@b.org", subject=subject, text="x")


class TestComposed:
    def test_any_language(self) -> None:
        """Text, HTML and subject come through in any language."""
        raw = _sent(
            Message(to="a@b.org", subject="Привет,\u3000映画 👩\u200d🚀", text="Grüße\n", html="<p>Grüße</p>")
        )

        mail = message_from_bytes(raw, policy=default)

        assert mail["Subject"] == "Привет,\u3000映画 👩\u200d🚀"
        assert mail["From"] == "Vitascope <no-reply@studio.example>"
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert text is not None
        assert text.get_content().splitlines() == ["Grüße"]
        assert html is not None
        assert html.get_content().strip() == "<p>Grüße</p>"

    @given(st.text(min_size=1), st.text(st.characters(exclude_categories=())))
    def test_no_text_makes_a_header(self, subject: str, text: str) -> None:
        """Whatever subject and text say, the message has exactly our headers and one recipient."""
        try:
            message = Message(to="a@b.org", subject=subject, text=text)
        except InvalidSubject:
            return

        mail = message_from_bytes(_sent(message), policy=default)

        assert mail.get_all("To") == ["a@b.org"]
        assert {"Bcc", "Cc", "Reply-To"}.isdisjoint(mail.keys())
        assert set(mail.keys()) <= {
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "Content-Type",
            "Content-Transfer-Encoding",
            "MIME-Version",
        }
