"""Films, a workbench, and sets that several tests look at."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.transcoding.pipeline.corpus import TOOLS, Corpus

from vitascope.transcoding.pipeline.outcome import Outcome
from vitascope.transcoding.pipeline.profile import Profile, VideoProfile
from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.workbench import Workbench

Alternatives = tuple[Outcome, Path]
Published = Callable[[str], tuple[Outcome, Path]]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """All films, made when they are asked for."""
    return Corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def bench() -> Workbench:
    """The programs, with default limits."""
    return Workbench(tools=TOOLS)


@pytest.fixture(scope="session")
def published(corpus: Corpus, bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The set of a film, transcoded once for all tests, which only read it."""
    folder = tmp_path_factory.mktemp("published")
    outcomes: dict[str, Outcome] = {}

    def of(name: str) -> tuple[Outcome, Path]:
        if name not in outcomes:
            outcomes[name] = Pipeline(bench).transcode(corpus[name], out=folder / name)
        return outcomes[name], folder / name

    return of


@pytest.fixture(scope="session")
def alternatives(corpus: Corpus, bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Alternatives:
    """The set of a film in HDR10 in every codec, made in chunks."""
    profile = Profile(video=VideoProfile(codecs=("hevc", "av1", "vp9"), chunk_seconds=2.0))
    out = tmp_path_factory.mktemp("alternatives") / "set"
    return Pipeline(bench).transcode(corpus["graded"], out=out, profile=profile), out
