import pytest

from vitascope.identity.users.service import addresses
from vitascope.identity.users.service.addresses import NotAnAddress


class TestChecked:
    @pytest.mark.parametrize(
        ("typed", "address"),
        [
            (" ada@example.org ", "ada@example.org"),
            ("Ada.L+films@Example.ORG", "Ada.L+films@example.org"),
            ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
            ("o'neil@sub.example.co.uk", "o'neil@sub.example.co.uk"),
        ],
    )
    def test_taken(self, typed: str, address: str) -> None:
        """An address is taken as mail is sent to it, an international domain in its ASCII form."""
        assert addresses.checked(typed) == address

    @pytest.mark.parametrize(
        "typed",
        [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@localhost",
            "ada@example..org",
            "ada@-example.org",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "a b@example.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org, eve@example.org",
            "Ada <ada@example.org>",
            '"ada"@example.org',
            "a" * 65 + "@example.org",
            "ada@" + "a" * 250 + ".org",
            "ad\u0000a@example.org",
            "ad\u00e4@example.org",
        ],
    )
    def test_refused(self, typed: str) -> None:
        """What mail could not be sent to, or only with tricks, is refused by name."""
        with pytest.raises(NotAnAddress) as refused:
            addresses.checked(typed)

        assert refused.value.field == "email"


class TestKey:
    def test_spellings_share_it(self) -> None:
        """However the address is spelt, it is the same account."""
        assert addresses.key_of_claim("ADA@example.ORG") == addresses.key_of_claim("ada@example.org ")

    def test_of_no_address(self) -> None:
        """What is no address has the key of none, and signing in with it fails as with any other."""
        assert addresses.key_of_claim("no address") == ""
