from pathlib import Path

import msgspec
from tests.integration.transcoding.pipeline.corpus import Corpus

from vitascope.transcoding.pipeline.captions import extract
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench


class TestExtract:
    def test_ass(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """Styled subtitles become WebVTT cues at the same times."""
        pipeline = Pipeline(bench)
        plan = pipeline.plan(pipeline.probe(corpus["mkv"])[0])

        captions = extract(corpus["mkv"], plan, folder=tmp_path, bench=bench)

        assert captions.warnings == ()
        assert "00:00.500 --> 00:02.000" in (tmp_path / captions.files[0][1]).read_text(encoding="utf-8")

    def test_unreadable(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """A track that cannot be read is left out with a warning that names it; the others stay."""
        pipeline = Pipeline(bench)
        plan = pipeline.plan(pipeline.probe(corpus["mkv"])[0])
        (good,) = plan.text
        broken = msgspec.structs.replace(good, index=99, language="fr")

        captions = extract(
            corpus["mkv"], msgspec.structs.replace(plan, text=(broken, good)), folder=tmp_path, bench=bench
        )

        assert [track for track, _ in captions.files] == [good]
        assert captions.warnings == ("The subtitle track 99 (fr) could not be read; it is left out.",)
