import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitascope.transcoding.pipeline import webvtt
from vitascope.transcoding.pipeline.webvtt import Cue, clean, read_cues, tidy, write

SECONDS = st.floats(min_value=-100, max_value=20_000) | st.sampled_from([float("nan"), float("inf"), 59.9996])
PIECES = st.sampled_from(
    [
        "<i>",
        "</i>",
        "<b>",
        "</b",
        "-->",
        "&",
        "&lt;",
        "&#x0;",
        "\n\n",
        "\n",
        "<",
        ">",
        "{\\an8}",
        "NOTE",
        "\0",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=8).map("".join)
CUES = st.builds(Cue, start=SECONDS, end=SECONDS, text=TEXTS.map(clean))


def problems(text: str, *, duration: float) -> Iterator[str]:
    """What the W3C's syntax, an order and the film's length have against a file; written apart from ours."""
    signature, *blocks = text.rstrip("\n").split("\n\n")
    if signature != "WEBVTT":
        yield "signature"
    before = 0.0
    for block in blocks:
        timing, *lines = block.split("\n")
        match = re.fullmatch(
            r"(\d\d+):([0-5]\d):([0-5]\d\.\d{3}) --> (\d\d+):([0-5]\d):([0-5]\d\.\d{3})", timing
        )
        if match is None or not lines:
            yield f"no cue: {block!r}"
            continue
        start, end = (
            int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            for hours, minutes, seconds in (match.groups()[:3], match.groups()[3:])
        )
        if not before <= start < end <= duration + 1e-6:
            yield f"times: {timing}"
        before = start
        payload = "\n".join(lines)
        if "-->" in payload or re.search(r"&(?!amp;|lt;|gt;)|[\0\r]", payload):
            yield f"text: {payload!r}"
        opened: list[str] = []
        for slash, name in re.findall(r"<(/?)([^>]*)>", payload):
            if name not in {"b", "i", "u"} or (slash and (not opened or opened.pop() != name)):
                yield f"tag {name!r} in {payload!r}"
            elif not slash:
                opened.append(name)
        if opened or re.search(r"<(?!/?[biu]>)", payload):
            yield f"open tags in {payload!r}"


class TestWrite:
    @given(cues=st.lists(CUES, max_size=12), duration=st.floats(min_value=0.04, max_value=10_000))
    def test_valid(self, cues: list[Cue], duration: float) -> None:
        """Whatever the cues are, the file is valid WebVTT, its cues in order and inside the film."""
        text = write(tidy(cues, duration=duration))

        assert list(problems(text, duration=duration)) == []

    @given(text=TEXTS, duration=st.floats(min_value=0.04, max_value=10_000))
    def test_valid_from_any_text(self, text: str, duration: float) -> None:
        """Whatever stands in a file of cues, what is written of it is valid."""
        source = f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n\n2\n00:00:00.5 --> 99:00:00\n{text}"

        written = write(tidy(read_cues(source), duration=duration))

        assert list(problems(written, duration=duration)) == []

    @pytest.mark.parametrize(
        "broken",
        [
            "WEBVTT\n\n00:00:02.000 --> 00:00:03.000\nb\n\n00:00:01.000 --> 00:00:02.000\na\n",
            "WEBVTT\n\n00:00:01.000 --> 00:00:11.000\nbeyond the end\n",
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nR&B\n",
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<i>not closed\n",
            "WEBVTT\n\n00:00:01,000 --> 00:00:02,000\na comma\n",
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n\n",
        ],
    )
    def test_a_fault_would_be_found(self, broken: str) -> None:
        """The check of these tests finds each fault that it looks for."""
        assert list(problems(broken, duration=10.0)) != []

    def test_unordered_without_tidying(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A writer that forgot to sort would be caught."""
        monkeypatch.setattr(webvtt, "sorted", list, raising=False)
        cues = [Cue(start=5, end=6, text="late"), Cue(start=1, end=2, text="early")]

        assert list(problems(write(tidy(cues, duration=10.0)), duration=10.0)) != []


class TestReadCues:
    def test_srt(self) -> None:
        """Numbers, commas and blank lines of SRT are its own affair."""
        text = "1\n00:00:00,500 --> 00:00:02,000\nHello\nthere\n\n2\n0:00:02,5 --> 00:01:03,25\nBye\n"

        assert [(cue.start, cue.end, cue.text) for cue in read_cues(text)] == [
            (0.5, 2.0, "Hello\nthere"),
            (2.5, 63.25, "Bye"),
        ]

    def test_without_blank_lines(self) -> None:
        """Cues that nothing parts are still told apart, and the next one's number is no text."""
        text = "1\n00:00:00,500 --> 00:00:01,000\nOne\n2\n00:00:01,000 --> 00:00:02,000\nTwo"

        assert [cue.text for cue in read_cues(text)] == ["One", "Two"]

    def test_webvtt(self) -> None:
        """Notes, styles and identifiers are passed over, settings of cues that are valid are kept."""
        text = (
            "WEBVTT - a film\n\nSTYLE\n::cue { color: red }\n\nNOTE nothing\n\nintro\n"
            "00:01.000 --> 00:02.000 line:0 align:start size:bad onload:x\nHi"
        )

        assert list(read_cues(text)) == [Cue(start=1, end=2, text="Hi", settings="line:0 align:start")]

    def test_many(self) -> None:
        """A file of more cues than any film has is read up to a bound."""
        text = "00:01.000 --> 00:02.000\nx\n\n" * (webvtt.MOST_CUES + 10)

        assert sum(1 for _ in read_cues(text)) == webvtt.MOST_CUES


class TestClean:
    @pytest.mark.parametrize(
        ("text", "cleaned"),
        [
            ("<i>He <b>said</i> so</b>", "<i>He <b>said</b></i> so"),
            ('<font color="red">Red</font> & {\\an8}blue', "Red &amp; blue"),
            ("3 &lt; 4 &amp; 5 > 4", "3 &lt; 4 &amp; 5 &gt; 4"),
            ("one\n\n\ntwo", "one\ntwo"),
            ("<script>alert(1)</script>", "alert(1)"),
            ("00:01 --> 00:02", "00:01 --&gt; 00:02"),
        ],
    )
    def test_markup(self, text: str, cleaned: str) -> None:
        """Italics, bold and underlining stay and are closed; all other markup goes, the rest is escaped."""
        assert clean(text) == cleaned


class TestTidy:
    def test_times(self) -> None:
        """Cues before the film begin with it, those over its end stop there, those outside are dropped."""
        cues = [
            Cue(start=9.0, end=12.0, text="over the end"),
            Cue(start=-1.0, end=1.0, text="before"),
            Cue(start=11.0, end=12.0, text="after"),
            Cue(start=5.0, end=4.0, text="backwards"),
            Cue(start=-1.0, end=1.0, text="before"),
        ]

        assert [(cue.start, cue.end, cue.text) for cue in tidy(cues, duration=10.0)] == [
            (0.0, 1.0, "before"),
            (9.0, 10.0, "over the end"),
        ]


class TestTimestamp:
    @pytest.mark.parametrize(
        ("seconds", "written"),
        [(0.0, "00:00:00.000"), (3661.0015, "01:01:01.002"), (359999.9996, "100:00:00.000")],
    )
    def test_rounds(self, seconds: float, written: str) -> None:
        """Times are written to the millisecond, and rounding carries over."""
        assert webvtt.timestamp(seconds) == written
