import pytest

from vitascope.console.theatre.guests import local_address


class TestLocalAddress:
    @pytest.mark.parametrize("address", ["/", "/titles/ttl_1?engine=dash", "/uploads?after=x"])
    def test_ours(self, address: str) -> None:
        """An address of ours stays as it is."""
        assert local_address(address) == address

    @pytest.mark.parametrize(
        "address",
        ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "javascript:x"],
    )
    def test_not_ours(self, address: str) -> None:
        """Any other address becomes the front page."""
        assert local_address(address) == "/"
