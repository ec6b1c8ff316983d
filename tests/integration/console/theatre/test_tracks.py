"""The player of a film with several languages of sound and captions, and with chapters."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser
from tests.integration.console.theatre.cinema import AT, Cinema, Visit, visiting
from tests.integration.transcoding.pipeline.corpus import TOOLS, ffmpeg, picture, tone

from vitascope.transcoding.pipeline.run import Pipeline
from vitascope.transcoding.pipeline.side_files import SideFiles
from vitascope.transcoding.pipeline.subtitles import SideText
from vitascope.transcoding.pipeline.workbench import Workbench
from vitascope.video.catalog.contracts import Title

pytestmark = pytest.mark.needs("chromium")

SECONDS = 20
ENGINES = pytest.mark.parametrize("engine", ["auto", "dash"])
CAPTIONS = (("en", False), ("de", True), ("fr", True))


@pytest.fixture(scope="session")
def film_of_languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """English sound, German description; English captions, forced German ones; three chapters."""
    folder = tmp_path_factory.mktemp("languages")
    inputs = (
        *picture("320x180", rate="25", seconds=SECONDS),
        *tone(seconds=SECONDS),
        *tone(880, seconds=SECONDS),
    )
    maps = [part for number in range(3) for part in ("-map", str(number))]
    tags = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger")
    flags = ("-disposition:a:0", "default", "-disposition:a:1", "visual_impaired")
    ffmpeg(*inputs, *maps, *tags, *flags, "-preset", "ultrafast", str(folder / "film.mkv"))
    (folder / "chapters.txt").write_text("0:00 The Arrival\n0:04 The Chase\n0:08 R&B\n", encoding="utf-8")
    for language, _ in CAPTIONS:
        text = f"WEBVTT\n\n00:00.000 --> 00:{SECONDS}.000\nThis is {language}.\n"
        (folder / f"{language}.vtt").write_text(text, encoding="utf-8")
    texts = [SideText(file=folder / f"{tag}.vtt", language=tag, forced=forced) for tag, forced in CAPTIONS]
    sdh = SideText(file=folder / "fr.vtt", language="fr", hard_of_hearing=True)
    beside = SideFiles(texts=(*texts, sdh), chapters=folder / "chapters.txt")
    Pipeline(Workbench(tools=TOOLS)).transcode(folder / "film.mkv", out=folder / "out", beside=beside)
    return folder / "out"


@pytest.fixture
async def languages(film_of_languages: Path, browser: Browser) -> AsyncIterator[Visit]:
    """Somebody in front of a desktop screen, in the house that shows that film."""
    async with (
        Cinema(film=film_of_languages).open() as cinema,
        visiting(cinema, browser, viewport={"width": 1280, "height": 800}) as visit,
    ):
        yield visit


async def rest(visit: Visit, title: Title, *, engine: str = "auto") -> None:
    """Open a title, play it for a moment, and pause: on a busy machine it would end too soon."""
    await visit.play(f"/titles/{title.id}?engine={engine}")
    await visit.page.keyboard.press("k")
    await visit.until("document.querySelector('video.player__video').paused")


async def choices(visit: Visit, menu: str) -> list[str]:
    """What a menu offers, once it is offered."""
    await visit.page.locator(f"[data-menu={menu}] .knob").wait_for()
    return await visit.page.locator(f"[data-menu={menu}] button[role=menuitemradio]").all_text_contents()


async def choose(visit: Visit, menu: str, name: str) -> None:
    """Choose in a menu."""
    await visit.page.click(f"[data-menu={menu}] .knob")
    await visit.page.get_by_role("menuitemradio", name=name, exact=True).click()


class TestSound:
    @ENGINES
    async def test_languages(self, languages: Visit, engine: str) -> None:
        """Sound is offered by the languages' own names with what it is, and what is chosen is fetched."""
        title = languages.cinema.show()
        await rest(languages, title, engine=engine)

        offered = await choices(languages, "sound")
        async with languages.page.expect_request(lambda request: "/audio/1/" in request.url):
            await choose(languages, "sound", "Deutsch (audio description)")

        assert offered == ["English", "Deutsch (audio description)"]
        await languages.page.locator("[data-menu=sound] [aria-checked=true]", has_text="Deutsch").wait_for(
            state="attached"
        )
        assert languages.complaints == []


class TestCaptions:
    @ENGINES
    async def test_chosen(self, languages: Visit, engine: str) -> None:
        """Captions are offered by the languages' own names, and what is chosen is drawn until it is off."""
        title = languages.cinema.show()
        await rest(languages, title, engine=engine)
        drawn = languages.page.locator(".player__captions")

        offered = await choices(languages, "captions")
        await choose(languages, "captions", "English")
        await drawn.get_by_text("This is en.").wait_for()
        await choose(languages, "captions", "Off")
        await drawn.get_by_text("This is en.").wait_for(state="detached")

        assert offered == ["Off", "English", "Français (SDH)"]
        assert languages.complaints == []

    async def test_forced(self, languages: Visit) -> None:
        """Forced captions follow the sound, and are shown to all who hear it unless they chose others."""
        title = languages.cinema.show()
        await rest(languages, title)
        drawn = languages.page.locator(".player__captions")

        await choices(languages, "captions")
        before = await drawn.inner_text()
        await choose(languages, "sound", "Deutsch (audio description)")
        await drawn.get_by_text("This is de.").wait_for()
        await choose(languages, "captions", "English")
        await drawn.get_by_text("This is en.").wait_for()
        await choose(languages, "captions", "Off")
        await drawn.get_by_text("This is de.").wait_for()

        assert before == ""
        assert languages.complaints == []


class TestChapters:
    async def test_menu_and_marks(self, languages: Visit) -> None:
        """Chapters are marked on the bar, told with the position, and a choice goes to where one begins."""
        title = languages.cinema.show()
        await rest(languages, title)

        offered = await choices(languages, "chapters")
        await choose(languages, "chapters", "0:08 R&B")
        await languages.until(f"{AT} === 8")

        assert offered == ["0:00 The Arrival", "0:04 The Chase", "0:08 R&B"]
        assert await languages.page.locator(".seek__marks span").count() == 2
        told = languages.page.locator(".seek__input[aria-valuetext='8 seconds of 20 seconds, R&B']")
        await told.wait_for()
        await languages.page.locator("[data-menu=chapters] [data-value='2'][aria-checked=true]").wait_for(
            state="attached"
        )
        assert languages.complaints == []

    async def test_preview(self, languages: Visit) -> None:
        """The small picture above the bar tells the chapter that it is of."""
        title = languages.cinema.show()
        await rest(languages, title)
        await choices(languages, "chapters")

        bar = await languages.page.locator(".seek").bounding_box()
        assert bar is not None
        await languages.page.mouse.move(bar["x"] + bar["width"] / 4, bar["y"] + 8)

        await languages.page.locator(".seek__chapter", has_text="The Chase").wait_for()
