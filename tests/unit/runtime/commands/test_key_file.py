from pathlib import Path

import pytest

from vitascope.foundation.errors import Invalid
from vitascope.runtime.commands.key_file import KeyFile, KeyFileOpen
from vitascope.transcoding.pipeline.protection import ProtectionProfile, Scheme

LABELS = ("AUDIO", "SD")
CBCS, CENC = (ProtectionProfile(scheme=one) for one in (Scheme.CBCS, Scheme.CENC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file will be."""
    return tmp_path / "keys.json"


class TestKeyFile:
    def test_gives_what_it_keeps(self, path: Path) -> None:
        """Keys are made once; a later set of fewer classes gets the same ones."""
        made = KeyFile(path).obtain(CBCS, LABELS)

        again = KeyFile(path).obtain(CBCS, LABELS[:1])

        assert again.keys == made.keys[:1]
        assert KeyFile(path).read() == made

    def test_is_for_one_scheme_and_its_classes(self, path: Path) -> None:
        """A class without a key, and keys for another scheme, are refused instead of made up."""
        KeyFile(path).obtain(CBCS, LABELS)

        for profile, labels in ((CENC, LABELS), (CBCS, (*LABELS, "HD"))):
            with pytest.raises(Invalid) as refused:
                KeyFile(path).obtain(profile, labels)
            assert refused.value.field == "keys"

    def test_is_for_its_owner_alone(self, path: Path) -> None:
        """A file that others may read is not used."""
        KeyFile(path).obtain(CBCS, LABELS)
        path.chmod(0o640)

        with pytest.raises(KeyFileOpen):
            KeyFile(path).read()

    @pytest.mark.parametrize("text", ["", "[]", '{"scheme": "cbcs", "keys": [{"label": "SD"}]}', "\x00"])
    def test_refuses_what_is_no_key_file(self, path: Path, text: str) -> None:
        """What cannot be read as keys is said to be no key file."""
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")

        with pytest.raises(Invalid, match="no key file"):
            KeyFile(path).read()

    def test_says_what_is_wrong_with_the_place(self, tmp_path: Path) -> None:
        """A file that cannot be read or made is told with the system's reason."""
        with pytest.raises(Invalid, match="cannot be read"):
            KeyFile(tmp_path / "none").read()
        with pytest.raises(Invalid, match="cannot be made"):
            KeyFile(tmp_path / "none" / "keys.json").obtain(CBCS, LABELS)
