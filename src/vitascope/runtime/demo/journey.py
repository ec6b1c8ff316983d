"""The main job from a file to a screen, with the time that each part of it took."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vitascope.foundation.errors import VitascopeError
from vitascope.runtime.demo.account import DemoAccount
from vitascope.runtime.demo.client import ApiClient
from vitascope.runtime.demo.proof import Played, play_all
from vitascope.transcoding.pipeline.binaries import Tools
from vitascope.transcoding.pipeline.run import STAGES


class Progress(Protocol):
    """Told what goes on: a part of the journey, and how much of it is done (0 to 1)."""

    def __call__(self, part: str, done: float) -> None:
        """Show it."""


class JobUnsuccessful(VitascopeError):
    """The film could not be transcoded."""


@dataclass
class Journey:
    """What came of it: addresses to open, seconds by part, renditions that were played to their end."""

    title: str = ""
    page: str = ""
    hls: str = ""
    dash: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    played: list[Played] = field(default_factory=list)


async def travel(url: str, *, account: DemoAccount, film: Path, tools: Tools, heard: Progress) -> Journey:
    """Sign in, upload, transcode, publish and play every rendition; raises what went wrong."""
    journey, watch = Journey(), _Watch(heard)
    async with ApiClient(url) as client:
        await client.sign_in(email=account.email, password=account.password)
        name = film.stem.replace("_", " ").replace("-", " ").strip() or "Film"
        with watch.part("upload", journey) as told:
            known = {title["id"] for title in await client.titles()}
            await client.upload(film, title=name, heard=told)
            title = await client.new_title(known=known)
        with watch.part("transcode", journey) as told:
            job = await _transcoded(client, title["job"], told)
        with watch.part("publish", journey):
            title = await client.published(title["id"])
        with watch.part("play", journey):
            session = await client.play(title["id"])
            master = _absolute(url, session["hls"])
            journey.played = await play_all(client, master=master, duration=job["duration"], tools=tools)
    journey.title, journey.page = title["name"], f"{url}/titles/{title['id']}"
    journey.hls, journey.dash = master, _absolute(url, session["dash"])
    spent = job["seconds"]
    journey.seconds |= {f"  {stage}": spent[stage] for stage in STAGES if stage in spent}
    return journey


async def _transcoded(client: ApiClient, job: str, told: Callable[[float], None]) -> dict[str, Any]:
    """The finished job; raises `JobUnsuccessful` with what the platform says of it."""
    state: dict[str, Any] = {}
    async for state in client.follow(job):
        told(state["progress"])
    if state["state"] != "completed":
        problem = state.get("problem") or {}
        raise JobUnsuccessful(problem.get("detail") or f"The job ended as {state['state']}.")
    return state


def _absolute(url: str, address: str) -> str:
    return address if "://" in address else f"{url}{address}"


class _Watch:
    """Measures parts and passes on how far they are."""

    def __init__(self, heard: Progress) -> None:
        self._heard = heard

    def part(self, name: str, journey: Journey) -> "_Part":
        """A part of the journey, to be used in a `with`."""
        return _Part(name, journey, self._heard)


class _Part:
    def __init__(self, name: str, journey: Journey, heard: Progress) -> None:
        self._name, self._journey, self._heard = name, journey, heard

    def __enter__(self) -> Callable[[float], None]:
        self._started = time.perf_counter()
        self._heard(self._name, 0.0)
        return lambda done: self._heard(self._name, done)

    def __exit__(self, *_: object) -> None:
        self._journey.seconds[self._name] = time.perf_counter() - self._started
        self._heard(self._name, 1.0)
