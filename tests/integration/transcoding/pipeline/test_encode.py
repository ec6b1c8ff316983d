"""Whoever finishes a film's last chunk may join it, and many may think that they did."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
from tests.integration.transcoding.pipeline.corpus import Corpus

from vitascope.transcoding.pipeline import encode
from vitascope.transcoding.pipeline.contracts import Chunk
from vitascope.transcoding.pipeline.encoded import Encoded
from vitascope.transcoding.pipeline.film import Film
from vitascope.transcoding.pipeline.profile import Profile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.sandbox.program import Bounds, Command, Finished
from vitascope.transcoding.pipeline.workbench import Workbench

_PATIENCE = 60.0  # seconds, for a loaded machine


class Joining(Workbench, frozen=True):
    """Counts what is joined, and holds each joiner at a barrier if there is one."""

    joined: list[str] = msgspec.field(default_factory=list)
    barrier: threading.Barrier | None = None

    def must(self, command: Command, *, bounds: Bounds) -> Finished:
        """As a workbench does it."""
        if "concat" in command.arguments:
            self.joined.append(Path(command.arguments[-1]).name)
            if self.barrier:
                self.barrier.wait(_PATIENCE)
        return super().must(command, bounds=bounds)


class Encoding:
    """A film whose chunks and sound are encoded but not joined."""

    def __init__(self, file: Path, work: Path, bench: Workbench) -> None:
        pipeline = Pipeline(bench)
        media, _ = pipeline.probe(file)
        plan = pipeline.plan(media, Profile(video=VideoProfile(chunk_seconds=2.0)))
        self.film, self.work, self.chunks = Film.of(file, plan), work, list[Chunk]()
        pipeline.cut(self.film, found=self.chunks.append)
        for chunk in self.chunks:
            pipeline.encode_chunk(self.film, chunk, plan.rungs, work=work)
        pipeline.encode_sound(self.film, work=work)

    def assemble(self, bench: Workbench, *, times: int) -> Sequence[Encoded]:
        """Join it as often as this, all at once."""
        start = threading.Barrier(times)

        def finish(_: int) -> Encoded:
            start.wait(_PATIENCE)
            return Pipeline(bench).assemble(self.film, self.chunks, work=self.work)[0]

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(finish, range(times)))


class TestAssemble:
    def test_exactly_once(self, corpus: Corpus, bench: Workbench, tmp_path: Path) -> None:
        """Of a hundred who finish the film at once one joins it, each rung once, and all get that result."""
        joining = Joining(tools=bench.tools)
        encoding = Encoding(corpus["plain"], tmp_path, bench)

        results = encoding.assemble(joining, times=100)

        assert sorted(joining.joined) == ["video-360p.mp4", "video-480p.mp4"]
        assert all(result == results[0] for result in results)
        assert len(list(tmp_path.glob("*encoded-*"))) == 2  # the folder and whose turn it is

    def test_planted_race(
        self, corpus: Corpus, bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """If nobody waited for a turn, the work would be done twice, though only one result is kept."""
        joining = Joining(tools=bench.tools, workers=1, barrier=threading.Barrier(2))
        encoding = Encoding(corpus["plain"], tmp_path, bench)
        monkeypatch.setattr(encode, "turn", lambda _folder, *, cancel: nullcontext())

        one, other = encoding.assemble(joining, times=2)

        assert len(joining.joined) == 4
        assert one == other
