import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.integration.video.streaming.service.delivery.conftest import SEGMENT, Film

from vitascope.foundation.errors import Invalid
from vitascope.foundation.testing.postgres import open_folder
from vitascope.video.streaming.service.delivery.answers import Conditions, answer
from vitascope.video.streaming.service.delivery.library import open_file
from vitascope.video.streaming.service.delivery.nginx import Site, configuration

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin") or "nginx"
pytestmark = pytest.mark.needs("nginx")


@pytest.fixture
def nginx(film: Film) -> Iterator[httpx.Client]:
    """A private nginx with the generated configuration."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = Site(listen=f"127.0.0.1:{port}", objects=film.folder, key=film.tokens.edge_key)
    with open_folder() as folder:
        main = _main(folder, configuration(site))
        process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(main)])
        try:
            _wait_for(port)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                yield client
        finally:
            process.terminate()
            process.wait()


def _main(folder: Path, site: str) -> Path:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in kinds)
    main = folder / "nginx.conf"
    main.write_text(
        f"worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; daemon off;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{site}\n}}\n"
    )
    return main


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


class TestConfiguration:
    def test_sends_what_the_token_opens(self, film: Film, nginx: httpx.Client) -> None:
        """A film's files are sent for a token that the platform signed, without asking it."""
        response = nginx.get(f"/media/{film.token()}/video/00001.m4s")

        assert (response.status_code, response.content == SEGMENT) == (200, True)

    @pytest.mark.parametrize("name", ["master.m3u8", "video/00001.m4s"])
    def test_answers_as_our_own_server_does(self, film: Film, nginx: httpx.Client, name: str) -> None:
        """Whole, in part or unchanged: nginx says what our own server says, tags and types included."""
        path = film.folder / film.prefix / name
        _, file = open_file(path)
        asked = (
            Conditions(),
            Conditions(range="bytes=5-9"),
            Conditions(range="bytes=-5"),
            Conditions(if_none_match=file.etag),
        )
        shown = {"content-type", "etag", "last-modified", "content-range", "content-length", "cache-control"}

        for one in asked:
            ours = answer(file, one)
            headers = {"range": one.range, "if-none-match": one.if_none_match}
            theirs = nginx.get(
                f"/media/{film.token()}/{name}", headers={k: v for k, v in headers.items() if v is not None}
            )

            assert theirs.status_code == ours.status
            for header in shown & ours.headers.keys() - ({"content-type"} if ours.status == 304 else set()):
                assert theirs.headers[header].partition(";")[0] == ours.headers[header].partition(";")[0]
            assert theirs.headers["access-control-allow-origin"] == "*"

    def test_refuses_expired_tokens(self, film: Film, nginx: httpx.Client) -> None:
        """A token opens nothing after its instant."""
        token = film.token(valid_for=timedelta(seconds=-1))

        assert nginx.get(f"/media/{token}/master.m3u8").status_code == 403

    def test_refuses_every_changed_character(self, film: Film, nginx: httpx.Client) -> None:
        """Of what the edge signs (expiry, folder, signature) no character can be changed."""
        token = film.token()
        signed = token.index("~") + 1

        opened = [
            place
            for place in range(signed, len(token))
            if nginx.get(f"/media/{_changed(token, place)}/master.m3u8").status_code == 200
        ]

        # the last character of 128 bits in base 64 carries 2 bits, and nginx ignores the other 4
        assert [place for place in opened if place != len(token) - 1] == []

    @pytest.mark.parametrize(
        "path", ["../secret.m4s", "%2e%2e/secret.m4s", "encoded.json", "video/", ".x.m4s"]
    )
    def test_opens_nothing_else(self, film: Film, nginx: httpx.Client, path: str) -> None:
        """What climbs, hides or is of another kind is not there."""
        assert nginx.get(f"/media/{film.token()}/{path}").status_code in {400, 404}

    def test_only_reads(self, film: Film, nginx: httpx.Client) -> None:
        """Other methods are refused, and a preflight is answered."""
        address = f"/media/{film.token()}/master.m3u8"

        assert nginx.post(address).status_code == 403
        assert nginx.options(address).status_code == 204
        assert nginx.head(address).status_code == 200

    @pytest.mark.parametrize("objects", ["/data; root /", "/da ta", "/$uri", "/a{b}"])
    def test_refuses_values_that_nginx_would_misread(self, objects: str) -> None:
        """No setting can end a directive or name a variable."""
        with pytest.raises(Invalid):
            configuration(Site(listen="8090", objects=Path(objects), key="00"))


def _changed(token: str, place: int) -> str:
    other = "1" if token[place] == "0" else "0"
    return token[:place] + other + token[place + 1 :]
