"""Every codec, from a film in HDR10 and one in SDR to what a player is given."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import m3u8
import pytest
from mpegdash.parser import MPEGDASHParser
from msgspec.structs import replace
from tests.integration.transcoding.pipeline.conftest import Alternatives
from tests.integration.transcoding.pipeline.corpus import TOOLS, Corpus

from vitascope.transcoding.pipeline.contracts import (
    WHOLE_FILM,
    Chunk,
    Codec,
    SetInvalid,
)
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.profile import Profile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished
from vitascope.transcoding.pipeline.workbench import Workbench

FRAMES = 125  # of the film in HDR10
CODECS: tuple[Codec, ...] = ("h264", "hevc", "av1", "vp9")
GRADED = "r(0.6800,0.3200) g(0.2650,0.6900) b(0.1500 0.0600) wp(0.3127, 0.3290)"


def described(playlist: Path) -> str:
    """What ffmpeg says of every picture of a rendition, which it decodes to the last."""
    command = [str(TOOLS.ffmpeg), "-nostdin", "-hide_banner", "-i", str(playlist), "-vf", "showinfo"]
    said = subprocess.run([*command, "-f", "null", "-"], check=True, capture_output=True, timeout=120)
    return said.stderr.decode()


class TestSet:
    def test_renditions(self, alternatives: Alternatives) -> None:
        """Each codec has the film's rung, with as many frames as it has, under its name in manifests."""
        outcome, _ = alternatives

        made = {rendition.name: (rendition.codec, rendition.frames) for rendition in outcome.renditions}
        assert made == {
            "180p": ("avc1.4d400c", FRAMES),
            "180p-hevc": ("hvc1.2.4.L60.90", FRAMES),
            "180p-av1": ("av01.0.00M.10", FRAMES),
            "180p-vp9": ("vp09.00.11.08", FRAMES),
        }

    def test_hls(self, alternatives: Alternatives) -> None:
        """An independent reader of HLS finds a variant of each codec, with its range and its key frames."""
        _, folder = alternatives

        master = m3u8.load(str(folder / "master.m3u8"))

        variants = [
            (one.stream_info.codecs.split(",")[0][:4], one.stream_info.video_range)
            for one in master.playlists
        ]
        assert variants == [("avc1", "SDR"), ("hvc1", "PQ"), ("av01", "PQ"), ("vp09", None)]
        assert len(master.iframe_playlists) == len(variants)

    def test_dash(self, alternatives: Alternatives) -> None:
        """An independent reader of DASH finds an adaptation set of each codec; those in HDR say so."""
        _, folder = alternatives

        manifest = MPEGDASHParser.parse(str(folder / "manifest.mpd"))

        transfers = {}
        for adaptation in manifest.periods[0].adaptation_sets:
            (representation,) = adaptation.representations
            told = {
                one.scheme_id_uri.rsplit(":", 1)[-1]: one.value
                for one in adaptation.supplemental_properties or ()
            }
            transfers[representation.codecs[:4]] = told.get("TransferCharacteristics")
        assert (transfers["hvc1"], transfers["av01"]) == ("16", "16")
        assert transfers["avc1"] in {None, "1"}
        assert transfers["vp09"] in {None, "1"}

    @pytest.mark.parametrize("codec", CODECS)
    def test_decodes_to_the_last_picture(self, alternatives: Alternatives, codec: Codec) -> None:
        """A decoder that is not the encoder's gets every picture of a rendition, and complains of none."""
        _, folder = alternatives
        name = "180p" if codec == "h264" else f"180p-{codec}"

        said = described(folder / "video" / name / "index.m3u8")

        assert len(re.findall(r" n: *\d+ pts:", said)) == FRAMES
        assert "rror" not in said

    @pytest.mark.parametrize("name", ["180p-hevc", "180p-av1"])
    def test_high_dynamic_range_is_kept(self, alternatives: Alternatives, name: str) -> None:
        """In HEVC and AV1 every picture has ten bits, PQ, and what the film was graded on."""
        _, folder = alternatives

        said = described(folder / "video" / name / "index.m3u8")

        assert said.count("fmt:yuv420p10le") == FRAMES
        assert said.count("color_primaries:bt2020 color_trc:smpte2084") == FRAMES
        assert (
            said.count(f"side data - Mastering display metadata: has_primaries:1 has_luminance:1 {GRADED}")
            == FRAMES
        )
        assert said.count("side data - Content light level metadata: MaxCLL=1000, MaxFALL=400") == FRAMES

    @pytest.mark.parametrize("name", ["180p", "180p-vp9"])
    def test_mapped_for_every_screen(self, alternatives: Alternatives, name: str) -> None:
        """In H.264 and VP9 every picture has eight bits in BT.709, and says nothing of HDR."""
        _, folder = alternatives

        said = described(folder / "video" / name / "index.m3u8")

        assert said.count("fmt:yuv420p ") == FRAMES
        assert said.count("color_primaries:bt709 color_trc:bt709") == FRAMES
        assert "Mastering display" not in said
        assert "Content light" not in said

    def test_hybrid_log_gamma(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A film in HLG stays so in HEVC, and both manifests say it; the film tells no more."""
        profile = Profile(video=VideoProfile(codecs=("hevc",)))

        Pipeline(bench).transcode(corpus["hybrid-log-gamma"], out=tmp_path / "set", profile=profile)

        master = m3u8.load(str(tmp_path / "set" / "master.m3u8"))
        assert [one.stream_info.video_range for one in master.playlists] == ["SDR", "HLG"]
        manifest = (tmp_path / "set" / "manifest.mpd").read_text(encoding="utf-8")
        assert 'cicp:TransferCharacteristics" value="18"' in manifest


@pytest.fixture(scope="module")
def film(corpus: Corpus, bench: Workbench) -> Film:
    """A film in SDR of two chunks and a half, to be made in every codec."""
    pipeline = Pipeline(bench)
    media, _ = pipeline.probe(corpus["short-groups"])
    profile = Profile(video=VideoProfile(codecs=CODECS, chunk_seconds=2.0))
    return Film.of(corpus["short-groups"], pipeline.plan(media, profile))


class TestChunks:
    def test_as_one_piece(self, film: Film, bench: Workbench, tmp_path: Path) -> None:
        """In chunks a film has the frames and the key frames that it has in one piece, in every codec."""
        pipeline = Pipeline(bench)
        first, second = (Chunk(number=number, first=50 * number, frames=50) for number in range(2))
        chunks = (first, second, Chunk(number=2, first=100, frames=None))

        joined, _ = pipeline.assemble(film, chunks, work=tmp_path / "joined")
        whole, _ = pipeline.assemble(film, [WHOLE_FILM], work=tmp_path / "whole")

        assert [made.rung.codec for made in joined.video] == list(CODECS)
        for made, other in zip(joined.video, whole.video, strict=True):
            assert (made.frames, made.key_frames) == (125, (0.0, 2.0, 4.0))
            assert (made.frames, made.key_frames) == (other.frames, other.key_frames)

    def test_same_bytes(self, film: Film, bench: Workbench, tmp_path: Path) -> None:
        """A rung alone has the bytes that it has when it is made with the others, in every codec."""
        pipeline, chunk = Pipeline(bench), Chunk(number=1, first=50, frames=50)

        together, _ = pipeline.encode_chunk(film, chunk, film.plan.rungs, work=tmp_path / "together")
        alone = [
            pipeline.encode_chunk(film, chunk, [rung], work=tmp_path / "alone")[0][0]
            for rung in film.plan.rungs
        ]

        assert tuple(alone) == together
        for made in alone:
            files = [tmp_path / place / "chunks" / made.name for place in ("together", "alone")]
            assert files[0].read_bytes() == files[1].read_bytes()

    @pytest.mark.parametrize(
        ("codec", "closed", "open_"),
        [
            ("h264", "+cgop", "-cgop"),
            ("hevc", "open-gop=0", "open-gop=1"),
            ("av1", "irefresh-type=2", "irefresh-type=1"),
        ],
    )
    def test_planted_open_group(
        self, film: Film, bench: Workbench, tmp_path: Path, codec: Codec, closed: str, open_: str
    ) -> None:
        """An encoder whose pictures look across the start of a group is caught before its chunk is used."""
        careless = _Careless(tools=bench.tools, closed=closed, open_=open_)
        rungs = [rung for rung in film.plan.rungs if rung.codec == codec]
        whole = Chunk(number=0, first=0, frames=100)

        with pytest.raises(SetInvalid, match="does not have the frames"):
            Pipeline(careless).encode_chunk(film, whole, rungs, work=tmp_path)

        assert list((tmp_path / "chunks").glob("*.mp4")) == []


class _Careless(Workbench, frozen=True, kw_only=True):
    """Tells the encoders to leave groups of pictures open."""

    closed: str
    open_: str

    def run(
        self, command: Command, *, bounds: Bounds, on_output: Callable[[bytes], None] | None = None
    ) -> Finished:
        words = tuple(word.replace(self.closed, self.open_) for word in command.arguments)
        return super().run(replace(command, arguments=words), bounds=bounds, on_output=on_output)
