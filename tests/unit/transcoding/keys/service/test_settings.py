import pytest
from pydantic import ValidationError

from vitascope.transcoding.keys.service.settings import KeysSettings


class TestServerUrl:
    @pytest.mark.parametrize("url", ["https://keys.example/speke", "http://127.0.0.1:8080/speke", None])
    def test_takes_private_ways(self, url: str | None) -> None:
        """Keys travel by TLS, or stay on this machine."""
        assert KeysSettings(server_url=url).server_url == url

    @pytest.mark.parametrize(
        "url", ["http://keys.example/speke", "ftp://127.0.0.1/", "keys.example", "https://"]
    )
    def test_refuses_ways_that_others_read(self, url: str) -> None:
        """An address that would send keys in the clear stops the start."""
        with pytest.raises(ValidationError, match="https"):
            KeysSettings(server_url=url)
