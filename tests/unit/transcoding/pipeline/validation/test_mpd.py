from pathlib import Path

import pytest

from vitascope.transcoding.pipeline.contracts import SetInvalid
from vitascope.transcoding.pipeline.validation.mpd import Listed, Mpd, read_mpd, seconds

NAMESPACE = 'xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013"'


def _read(folder: Path, inside: str, *, attributes: str = 'mediaPresentationDuration="PT10S"') -> Mpd:
    file = folder / "film.mpd"
    file.write_text(f"<MPD {NAMESPACE} {attributes}><Period>{inside}</Period></MPD>", encoding="utf-8")
    return read_mpd(file)


def _segments(folder: Path, template: str, inside: str = "") -> list[Listed]:
    representation = f'<Representation id="v" bandwidth="9">{inside}{template}</Representation>'
    adaptation = f'<AdaptationSet contentType="video">{representation}</AdaptationSet>'
    return list(_read(folder, adaptation).sets[0].representations[0].segments)


class TestSegments:
    def test_timeline(self, tmp_path: Path) -> None:
        """A timeline's entries are repeated, go on where the last ended, and fill the address."""
        found = _segments(
            tmp_path,
            '<SegmentTemplate timescale="10" startNumber="3" '
            'media="$RepresentationID$/$Number%03d$-$Time$-$$.m4s">'
            '<SegmentTimeline><S t="5" d="20" r="1"/><S d="30"/></SegmentTimeline></SegmentTemplate>',
        )

        assert found == [
            Listed(address="v/003-5-$.m4s", start=0.5, seconds=2.0),
            Listed(address="v/004-25-$.m4s", start=2.5, seconds=2.0),
            Listed(address="v/005-45-$.m4s", start=4.5, seconds=3.0),
        ]

    def test_repeated_to_the_end(self, tmp_path: Path) -> None:
        """A negative repetition goes on to the end of the film."""
        timeline = '<SegmentTimeline><S t="0" d="4" r="-1"/></SegmentTimeline>'
        template = f'<SegmentTemplate media="$Number$">{timeline}</SegmentTemplate>'

        assert [one.start for one in _segments(tmp_path, template)] == [0.0, 4.0, 8.0]

    def test_equal_segments(self, tmp_path: Path) -> None:
        """Without a timeline segments are as many as the film needs, and their times are not told."""
        found = _segments(tmp_path, '<SegmentTemplate duration="4" media="$Number$.m4s" initialization="i"/>')

        assert found == [Listed(address=f"{number}.m4s") for number in (1, 2, 3)]

    def test_list(self, tmp_path: Path) -> None:
        """A list names its segments by address and range, below the base address."""
        found = _segments(
            tmp_path,
            '<SegmentList><Initialization range="0-99"/><SegmentURL mediaRange="100-199"/>'
            '<SegmentURL media="b.mp4"/></SegmentList>',
            "<BaseURL>media/a.mp4</BaseURL>",
        )

        assert found == [Listed(address="media/a.mp4", span=(100, 100)), Listed(address="media/b.mp4")]

    def test_inherited(self, tmp_path: Path) -> None:
        """What an AdaptationSet says of its template holds for its Representations."""
        mpd = _read(
            tmp_path,
            '<AdaptationSet mimeType="video/mp4">'
            '<SegmentTemplate timescale="10" initialization="$RepresentationID$.mp4">'
            '<SegmentTimeline><S t="0" d="20"/></SegmentTimeline></SegmentTemplate>'
            '<Representation id="a"><SegmentTemplate media="a-$Time$"/></Representation></AdaptationSet>',
        )

        (listed,) = mpd.sets[0].representations
        assert mpd.sets[0].kind == "video"
        assert listed.header == Listed(address="a.mp4")
        assert listed.segments == (Listed(address="a-0", start=0.0, seconds=2.0),)

    @pytest.mark.parametrize("repeat", ["999999", "99999999999999999999", "-1", "x"])
    def test_too_many(self, tmp_path: Path, repeat: str) -> None:
        """More segments than any film has are refused before they are counted out."""
        timeline = f'<SegmentTimeline><S t="0" d="1" r="{repeat}"/></SegmentTimeline>'

        with pytest.raises(SetInvalid):
            _segments(tmp_path, f'<SegmentTemplate timescale="100000" media="a">{timeline}</SegmentTemplate>')


class TestProtection:
    def test_shields(self, tmp_path: Path) -> None:
        """Scheme, value, key id and pssh box are read."""
        mpd = _read(
            tmp_path,
            '<AdaptationSet contentType="audio"><ContentProtection schemeIdUri="URN:a" value="cbcs" '
            'cenc:default_KID="00112233-4455-6677-8899-AABBCCDDEEFF">'
            "<cenc:pssh> QUJD </cenc:pssh></ContentProtection>"
            "<Representation/></AdaptationSet>",
        )

        (shield,) = mpd.sets[0].representations[0].shields
        assert (shield.scheme, shield.value, shield.pssh) == ("urn:a", "cbcs", b"ABC")
        assert shield.key_id == "00112233445566778899aabbccddeeff"


class TestSeconds:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("PT1M4.5S", 64.5), ("PT2H", 7200.0), ("P1DT1S", 86401.0), ("PT0S", 0.0)],
    )
    def test_durations(self, text: str, expected: float) -> None:
        """Durations with days, hours, minutes and seconds are read."""
        assert seconds(text) == expected

    @pytest.mark.parametrize("text", ["", "5", "P1Y", "PT-5S", "PTnanS", "PT" + "9" * 40 + "S"])
    def test_no_durations(self, text: str) -> None:
        """What is no duration, or none that a film can have, is refused."""
        with pytest.raises(SetInvalid):
            seconds(text)
