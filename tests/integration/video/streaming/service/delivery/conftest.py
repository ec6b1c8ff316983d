"""Files of one playback on a disk, and its token."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vitascope.foundation.clock import SystemClock
from vitascope.foundation.context import TenantId
from vitascope.foundation.ids import RandomIds
from vitascope.foundation.secrets import Secrets
from vitascope.foundation.storage.keys import ObjectPrefix
from vitascope.foundation.storage.local import LocalObjects
from vitascope.foundation.testing.postgres import open_folder
from vitascope.video.catalog.contracts import TitleId
from vitascope.video.streaming.contracts import PlaybackId
from vitascope.video.streaming.service.settings import StreamingSettings
from vitascope.video.streaming.service.tokens import Tokens

SEGMENT = os.urandom(3_000_000)  # more than a socket's buffers take at once
MASTER = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo/index.m3u8\n"


@dataclass(frozen=True)
class Film:
    """What was signed, and by whom."""

    folder: Path
    tokens: Tokens
    prefix: ObjectPrefix

    @property
    def objects(self) -> LocalObjects:
        """The store."""
        return LocalObjects(self.folder)

    def token(self, *, valid_for: timedelta = timedelta(hours=1)) -> str:
        """A token of a new playback."""
        ids = RandomIds()
        return self.tokens.sign(
            playback=ids.new(PlaybackId),
            title=ids.new(TitleId),
            prefix=self.prefix,
            until=datetime.now(UTC) + valid_for,
        )


@pytest.fixture
def film() -> Iterator[Film]:
    """A film of one manifest and one segment, and next to it what no token opens."""
    tenant = RandomIds().new(TenantId)
    prefix = ObjectPrefix.of(tenant, "renditions", "job")
    with open_folder() as folder:
        (folder / prefix / "video").mkdir(parents=True)
        folder.chmod(0o755)
        (folder / prefix / "master.m3u8").write_bytes(MASTER)
        (folder / prefix / "video" / "00001.m4s").write_bytes(SEGMENT)
        (folder / prefix / "encoded.json").write_text("{}")
        (folder / tenant / "renditions" / "secret.m4s").write_text("secret")
        (folder / prefix / "link.m4s").symlink_to("/etc/hostname")
        (folder / prefix / "folder.m4s").mkdir()
        tokens = Tokens(
            secrets=Secrets(b"k" * 32), clock=SystemClock(), settings=StreamingSettings(edge=True)
        )
        yield Film(folder=folder, tokens=tokens, prefix=prefix)
