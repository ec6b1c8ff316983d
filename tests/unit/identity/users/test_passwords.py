import pytest

from vitascope.identity.users.contracts import WeakPassword
from vitascope.identity.users.service import passwords

ADA = "ada.lovelace@example.org"


class TestChecked:
    @pytest.mark.parametrize(
        "word", ["correct horse battery", "zehn Zeichen", "\u00fc\u00f6\u00e4\u00df" * 3, "x1!" * 60 + "y"]
    )
    def test_long_enough_is_good(self, word: str) -> None:
        """Length is enough: no digits, signs or capitals are asked for."""
        assert passwords.checked(word, email=ADA) == passwords.normalised(word)

    @pytest.mark.parametrize(
        "word",
        [
            "",
            "ninechars",
            "x" * 201,
            "aaaaaaaaaaaa",
            "abababababab",
            "1234567890",
            "QwertyUiop",
            "Password123",
            ADA,
            ADA.upper(),
            "ada.lovelace",
        ],
    )
    def test_first_guesses_are_not(self, word: str) -> None:
        """What is short, endless, monotonous, on every list, or the address itself is refused by name."""
        with pytest.raises(WeakPassword) as refused:
            passwords.checked(word, email=ADA)

        assert refused.value.field == "password"
        assert word == "" or word not in refused.value.detail

    def test_one_form_of_each_letter(self) -> None:
        """A composed letter and its parts are the same password."""
        assert passwords.normalised("cafe\u0301") == passwords.normalised("caf\u00e9")
