from typing import Protocol

import pytest

from vitascope.foundation.wiring import Container, NotProvided, Provided


class Greeter(Protocol):
    def greet(self) -> str:
        """Say something kind."""


class Words:
    def __init__(self) -> None:
        self.hello = "hello"


class Polite:
    def __init__(self, *, words: Words) -> None:
        self._words = words

    def greet(self) -> str:
        """Say what is said."""
        return self._words.hello


class Choosy:
    def __init__(self, *, words: Words, loudness: int = 3) -> None:
        self.words, self.loudness = words, loudness


@pytest.fixture
def container() -> Container:
    """A container that knows how to make these."""
    made = Container()
    made.provide(Words, Words)
    made.provide(Greeter, Polite)
    return made


class TestContainer:
    def test_parameters_by_type(self, container: Container) -> None:
        """A class is made by giving each parameter the instance of its type."""
        greeter = container.get(Greeter)  # type: ignore[type-abstract]  # a port is asked for by its Protocol

        assert greeter.greet() == "hello"

    def test_one_instance(self, container: Container) -> None:
        """Each type has one instance in a container."""
        assert container.get(Words) is container.get(Words)

    def test_default_stays(self, container: Container) -> None:
        """A parameter with a default that nobody provides keeps it."""
        assert container.make(Choosy).loudness == 3

    def test_missing_is_named(self) -> None:
        """What is missing is told with the class that needs it."""
        with pytest.raises(NotProvided) as caught:
            Container().make(Polite)

        assert "Words" in str(caught.value)
        assert any("Polite" in note for note in caught.value.__notes__)

    def test_marked_arguments(self, container: Container) -> None:
        """A function gets exactly the parameters that it marked."""

        async def handler(name: str, words: Provided[Words]) -> None:
            """Handle."""

        assert list(container.arguments(handler)) == ["words"]
