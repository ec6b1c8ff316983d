"""Whatever a set holds, the answer is a report. FUZZ_SEED chooses other damage than usual."""

import os
import random
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, note, seed, settings
from hypothesis import strategies as st
from tests.integration.transcoding.pipeline.validation.sets import Sets

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.validation.rules import RULES
from vitascope.transcoding.pipeline.validation.shelf import Shelf
from vitascope.transcoding.pipeline.validation.validate import Report, examine

SEED = int(os.environ.get("FUZZ_SEED", "1896"))
_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
_TEXT = {".m3u8", ".mpd", ".vtt"}
_WORD = re.compile(rb'"[^"]*"|[\w./:-]+')
_INSERTS = [
    *(b"", b"0", b"-1", b"nan", b"1e308", b"9" * 30, b"18446744073709551615", b"\0", b"%00", b'"', b","),
    *(
        b"$Number$",
        b"$Time%099d$",
        b"<!DOCTYPE a>",
        b"&#0;",
        b"../../../etc/passwd",
        b"//host/",
        b"http://a/",
    ),
    *(b"99:99:99.999", b"a" * 5000, b"\xff\xfe", b"="),
]


def _cut_line(data: bytes, place: int, what: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    del lines[place % len(lines)]
    return b"".join(lines)


def _doubled_line(data: bytes, place: int, what: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    lines.insert(place % len(lines), lines[place // 7 % len(lines)])
    return b"".join(lines)


def _other_word(data: bytes, place: int, what: bytes) -> bytes:
    words = list(_WORD.finditer(data))
    if not words:
        return what
    word = words[place % len(words)]
    return data[: word.start()] + what + data[word.end() :]


def _other_bytes(data: bytes, place: int, what: bytes) -> bytes:
    # Most of what is read stands near the beginning.
    place %= max(1, min(len(data), 2500))
    return data[:place] + what + data[place + len(what) :]


def _cut_off(data: bytes, place: int, what: bytes) -> bytes:
    return data[: place % (len(data) + 1)]


Change = Callable[[bytes, int, bytes], bytes]
_LINES: list[Change] = [_cut_line, _doubled_line, _other_word, _other_word, _other_bytes, _cut_off]
_BYTES: list[Change] = [_other_bytes, _other_bytes, _cut_off]


@pytest.fixture(scope="module", params=["film", "cenc", "codecs", "single"])
def patient(request: pytest.FixtureRequest, sets: Sets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set that is damaged and mended again, over and over."""
    return Path(shutil.copytree(sets[request.param], tmp_path_factory.mktemp("patient") / "set"))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jpg")


def _examined(folder: Path, file: Path, damaged: bytes) -> Report:
    whole = file.read_bytes()
    try:
        file.write_bytes(damaged)
        return examine(folder)
    finally:
        file.write_bytes(whole)


class TestFuzz:
    @seed(SEED)
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(choice=st.integers(0, 2**32), what=st.sampled_from(_INSERTS) | st.binary(min_size=1, max_size=8))
    @example(choice=0, what=b"")
    def test_any_damage(self, patient: Path, choice: int, what: bytes) -> None:
        """A set with any line or bytes changed is answered by findings of known rules, never by an error."""
        rolled = random.Random(choice)
        files = _files(patient)
        texts = [path for path in files if path.suffix in _TEXT]
        file = rolled.choice(texts if rolled.random() < 0.6 else files)
        change = rolled.choice(_LINES if file.suffix in _TEXT else _BYTES)
        note(f"FUZZ_SEED={SEED}: {change.__name__} of {file.name}, {choice=}, {what=}")

        report = _examined(patient, file, change(file.read_bytes(), rolled.randrange(2**31), what))

        assert {finding.rule for finding in report.findings} <= set(RULES)
        assert all(finding.problem for finding in report.findings)

    def test_finds_a_planted_bug(self, patient: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the guard around what is read, damage like this would end the check with an error."""
        monkeypatch.setattr(Shelf, "reading", lambda _shelf, _path: nullcontext())
        file = next(path for path in _files(patient) if path.suffix in {".m4s", ".mp4"})

        with pytest.raises(SetInvalid):
            _examined(patient, file, _cut_off(file.read_bytes(), 700, b""))
