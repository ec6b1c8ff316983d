from pathlib import Path

import msgspec
from tests.integration.transcoding.pipeline.corpus import Corpus

from vitascope.transcoding.pipeline.captions import extract
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.side_files import SideFiles
from vitascope.transcoding.pipeline.subtitles import SideText
from vitascope.transcoding.pipeline.workbench import Workbench


class TestExtract:
    def test_ass(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """Styled subtitles become WebVTT cues at the same times."""
        pipeline = Pipeline(bench)
        plan = pipeline.plan(pipeline.probe(corpus["mkv"])[0])

        captions = extract(Film.of(corpus["mkv"], plan), folder=tmp_path, bench=bench)

        assert captions.warnings == ()
        assert "00:00:00.500 --> 00:00:02.000" in (tmp_path / captions.files[0][1]).read_text(
            encoding="utf-8"
        )

    def test_unreadable(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A track that cannot be read is left out with a warning that names it; the others stay."""
        pipeline = Pipeline(bench)
        plan = pipeline.plan(pipeline.probe(corpus["mkv"])[0])
        (good,) = plan.text
        broken = msgspec.structs.replace(good, index=99, language="fr")

        film = Film.of(corpus["mkv"], msgspec.structs.replace(plan, text=(broken, good)))
        captions = extract(film, folder=tmp_path, bench=bench)

        assert [track for track, _ in captions.files] == [good]
        assert captions.warnings == ("The subtitle track 99 (fr) could not be read; it is left out.",)

    def test_side_file(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A file beside the film becomes a track, whatever is wrong with its order and times."""
        pipeline, file = Pipeline(bench), tmp_path / "film.srt"
        file.write_bytes(
            "2\n00:00:02,000 --> 09:00:00,000\nÜber\n\n1\n00:00:01,000 --> 00:00:02,000\nA&B".encode(
                "latin-1"
            )
        )
        beside = SideFiles(texts=(SideText(file=file, language="de"),))
        plan = pipeline.plan(pipeline.probe(corpus["silent"])[0], beside=beside)

        extract(Film.of(corpus["silent"], plan, beside=[file]), folder=tmp_path, bench=bench)

        assert (tmp_path / "text-0.vtt").read_text(encoding="utf-8") == (
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nA&amp;B\n\n00:00:02.000 --> 00:00:03.000\nÜber\n"
        )

    def test_side_file_gone(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A file that is no longer beside the film is missed with a warning, not with the film."""
        pipeline, file = Pipeline(bench), tmp_path / "film.vtt"
        file.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", encoding="utf-8")
        plan = pipeline.plan(
            pipeline.probe(corpus["silent"])[0], beside=SideFiles(texts=(SideText(file=file),))
        )

        captions = extract(Film.of(corpus["silent"], plan), folder=tmp_path, bench=bench)

        assert captions.warnings == ("The subtitle track -1 (und) could not be read; it is left out.",)
