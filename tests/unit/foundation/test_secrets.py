import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vitascope.foundation.secrets import Secrets


class TestSecrets:
    def test_same_key_again(self, tmp_path: Path) -> None:
        """The key of a folder is made once and found again."""
        first = Secrets.in_folder(tmp_path / "secrets")

        again = Secrets.in_folder(tmp_path / "secrets")

        assert first.derive("a") == again.derive("a")

    def test_purposes_differ(self, tmp_path: Path) -> None:
        """A key for one purpose tells nothing of the key for another."""
        secrets = Secrets.in_folder(tmp_path)

        assert secrets.derive("a") != secrets.derive("b")

    def test_only_the_owner_reads(self, tmp_path: Path) -> None:
        """The file is readable by its owner alone, and nothing else is left beside it."""
        Secrets.in_folder(tmp_path)

        assert [path.name for path in tmp_path.iterdir()] == ["master.key"]
        assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600

    def test_short_key_is_refused(self) -> None:
        """A key that could be guessed is not taken."""
        with pytest.raises(ValueError, match="32 bytes"):
            Secrets(b"short")

    def test_never_shown(self, tmp_path: Path) -> None:
        """Its text form shows nothing of the key."""
        secrets = Secrets.in_folder(tmp_path)

        assert repr(secrets) == "Secrets(…)"

    def test_race_has_one_winner(self, tmp_path: Path) -> None:
        """Of many that make the key at once, all get the same."""
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: Secrets.in_folder(tmp_path).derive("a"), range(16)))

        assert len(set(made)) == 1
