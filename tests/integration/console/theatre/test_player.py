import pytest
from tests.integration.console.theatre.cinema import AT, FRAMES, Visit

pytestmark = pytest.mark.needs("chromium")

PLAYS_OR_RESTS = frozenset({"progress", "stall"})  # told by the clock and by a busy machine


class TestPlay:
    @pytest.mark.parametrize("engine", ["auto", "dash"])
    async def test_plays_seeks_and_switches(self, visit: Visit, engine: str) -> None:
        """HLS and DASH play, a seek lands where it should, and another quality can be chosen."""
        title = visit.cinema.show()
        await visit.play(f"/titles/{title.id}?engine={engine}")

        await visit.page.keyboard.press("k")
        await visit.page.keyboard.press("5")
        await visit.until(f"{AT} > 11.9 && {AT} < 12.1")
        frames = await visit.value(FRAMES)
        await visit.page.keyboard.press("k")
        await visit.until(f"{FRAMES} > {frames} + 10")
        await visit.page.keyboard.press("0")
        await visit.choose_quality(480)
        await visit.choose_quality(360)

        assert visit.complaints == []

    async def test_tells_what_is_watched(self, visit: Visit) -> None:
        """Reports are numbered without gaps: start, a switch of quality, and the end when one leaves."""
        title = visit.cinema.show()
        await visit.play(f"/titles/{title.id}")

        await visit.choose_quality(480)
        await visit.choose_quality(360)
        await visit.reported(kind="quality", height=360)
        await visit.go("/")
        await visit.reported(kind="end")

        numbered = {one["sequence"]: one for one in visit.cinema.reports}  # one that comes twice counts once
        told = [one["kind"] for _, one in sorted(numbered.items()) if one["kind"] not in PLAYS_OR_RESTS]
        assert sorted(numbered) == list(range(1, len(numbered) + 1))
        assert (told[0], set(told[1:-1]), told[-1]) == ("start", {"quality"}, "end")
        assert sum(one.get("watched", 0) for one in numbered.values()) > 0.5

    async def test_captions_and_thumbnails(self, visit: Visit) -> None:
        """Captions are drawn when they are switched on, and the seek bar shows small pictures."""
        title = visit.cinema.show()
        await visit.play(f"/titles/{title.id}")

        await visit.page.keyboard.press("c")
        await visit.page.get_by_text("Here comes the picture.").wait_for()
        bar = await visit.page.locator(".seek").bounding_box()
        assert bar is not None
        await visit.page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + 8)
        await visit.page.locator(".seek__picture[data-shown]").wait_for()

        assert await visit.page.locator(".seek__at").inner_text() in {"0:11", "0:12"}
        assert visit.complaints == []

    async def test_menu_by_keyboard(self, visit: Visit) -> None:
        """A menu opens, moves and closes by keyboard, and gives the focus back."""
        title = visit.cinema.show()
        await visit.play(f"/titles/{title.id}")
        speed = visit.page.locator("[data-menu=speed] .knob")

        await speed.focus()
        await visit.page.keyboard.press("Enter")
        await visit.page.keyboard.press("End")
        await visit.page.keyboard.press("Enter")
        fast = await visit.value("document.querySelector('video.player__video').playbackRate")
        await visit.page.keyboard.press("Enter")
        await visit.page.keyboard.press("Escape")

        assert fast == 2
        assert await speed.evaluate("knob => knob === document.activeElement")
        assert await speed.get_attribute("aria-expanded") == "false"

    async def test_menu_offered_anew(self, visit: Visit) -> None:
        """A menu whose choices change while it is open keeps the focus, and so can be closed by keyboard."""
        title = visit.cinema.show()
        await visit.play(f"/titles/{title.id}")
        speed = visit.page.locator("[data-menu=speed] .knob")

        await speed.focus()
        await visit.page.keyboard.press("Enter")
        await visit.value("document.querySelector('video.player__video').playbackRate = 1.5")
        await visit.page.locator("[data-menu=speed] [data-value='1.5'][aria-checked=true]").wait_for()
        await visit.page.keyboard.press("Escape")

        assert await speed.evaluate("knob => knob === document.activeElement")
        assert await speed.get_attribute("aria-expanded") == "false"

    async def test_choice_that_is_being_pressed(self, visit: Visit) -> None:
        """A choice counts although its menu is offered anew between the press and the release."""
        title = visit.cinema.show()
        await visit.play(f"/titles/{title.id}")
        await visit.page.click("[data-menu=speed] .knob")
        fast = visit.page.locator("[data-menu=speed] [data-value='2']")

        await fast.hover()
        await visit.page.mouse.down()
        await visit.value("document.querySelector('video.player__video').playbackRate = 1.5")
        await visit.page.locator("[data-menu=speed] [data-value='1.5'][aria-checked=true]").wait_for()
        await visit.page.mouse.up()

        await visit.until("document.querySelector('video.player__video').playbackRate === 2")


class TestTrouble:
    async def test_expired_addresses(self, visit: Visit) -> None:
        """A playback whose addresses have expired goes on with new ones."""
        visit.cinema.expired.add("token-1")
        title = visit.cinema.show()

        await visit.go(f"/titles/{title.id}")
        await visit.page.click(".player__big")
        await visit.until(f"{AT} > 0.5")

        assert visit.cinema.house.screen.opened == 2

    async def test_lost_connection(self, visit: Visit) -> None:
        """When the film stops coming the page says so, and plays on once one tries again."""
        visit.cinema.broken = True
        title = visit.cinema.show()
        await visit.go(f"/titles/{title.id}")
        message = visit.page.locator(".player__message")
        await message.wait_for()
        said = await message.inner_text()

        visit.cinema.broken = False
        await message.get_by_role("button").click()
        await visit.page.click(".player__big")
        await visit.until(f"{AT} > 0.5")

        assert "The connection is lost." in said
