"""What the tests of the pages share."""

import pytest
from tests.unit.console.theatre.house import House

from vitascope.foundation.context import AccountId

EMAIL, PASSWORD = "ada@example.org", "lantern slides"


@pytest.fixture
def house() -> House:
    """A house of its own for this test."""
    return House()


@pytest.fixture
def ada(house: House) -> AccountId:
    """Somebody who may upload."""
    return house.people.add(EMAIL, PASSWORD)


@pytest.fixture
def bob(house: House) -> AccountId:
    """Somebody else who may."""
    return house.people.add("bob@example.org", "magic lanterns")
