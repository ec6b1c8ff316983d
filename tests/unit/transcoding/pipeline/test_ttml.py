import pytest

from vitascope.transcoding.pipeline.contracts import TrackRejected
from vitascope.transcoding.pipeline.ttml import Rates, read_ttml, seconds

TTML = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling" xml:lang="de"
    xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25">
 <body begin="10s"><div>
  <p begin="00:00:01.500" end="00:00:03:05">Guten <span tts:fontStyle="italic">Tag</span><br/>
     &amp; Abend</p>
  <p begin="4s" dur="500ms">Zwei</p>
 </div></body>
</tt>"""
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE tt [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<tt xmlns="http://www.w3.org/ns/ttml"><body><p begin="0s" end="1s">&b;</p></body></tt>'
)


class TestReadTtml:
    def test_cues(self) -> None:
        """Times are counted from those of the element around, and styles and breaks are kept."""
        cues, language = read_ttml(TTML, field="subtitle")

        assert language == "de"
        assert [(cue.start, cue.end, cue.text) for cue in cues] == [
            (11.5, 13.2, "Guten <i>Tag</i>\n&amp; Abend"),
            (14.0, 14.5, "Zwei"),
        ]

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (BOMB, "document type"),
            ('<!DOCTYPE tt SYSTEM "file:///etc/passwd"><tt/>', "document type"),
            ("<tt>" + "<div>" * 1000, "nested too deeply"),
            ("<tt><p>", "broken"),
            ("<html/>", "is not TTML"),
        ],
    )
    def test_hostile(self, text: str, reason: str) -> None:
        """What could expand, read other files or exhaust the stack is refused, and it is said why."""
        with pytest.raises(TrackRejected, match=reason):
            read_ttml(text, field="subtitle")


class TestSeconds:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("01:00:00", 3600.0),
            ("00:00:01.25", 1.25),
            ("00:00:01:05", 1.2),
            ("1.5h", 5400.0),
            ("250ms", 0.25),
            ("50f", 2.0),
            ("90000t", 9.0),
            ("soon", None),
            ("", None),
        ],
    )
    def test_expressions(self, text: str, expected: float | None) -> None:
        """Clock times and offsets in all units of TTML are understood; anything else is no time."""
        assert seconds(text, Rates(25.0, 10_000.0)) == expected
