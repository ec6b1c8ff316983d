"""What may be a password (NIST SP 800-63B, section 3.1.1: length and known-bad ones, no recipes)."""

import unicodedata

from vitascope.identity.users.contracts import WeakPassword

MIN_CHARACTERS = 10
MAX_CHARACTERS = 200
_DIFFERENT_CHARACTERS = 4

# The most used ones of ten characters and more, from public lists of leaked passwords.
_WORST = frozenset(
    """
    1234567890 0123456789 0987654321 9876543210 1q2w3e4r5t 1qaz2wsx3edc q1w2e3r4t5 qwertyuiop
    qwerty12345 qwerty123456 1234567890a a123456789 abc1234567 abcd123456 abcdefghij asdfghjkl1
    password12 password123 password1234 password12345 passwordpassword mypassword mypassword1
    iloveyou12 iloveyou123 iloveyou1234 letmein123 letmein1234 welcome123 welcome1234 administrator
    admin12345 admin123456 changeme123 football123 baseball123 sunshine123 princess123 superman123
    dragon12345 monkey12345 basketball michael123 qwertyqwerty zaqwsxcde123 vitascope123 vitascope1234
    """.split()  # noqa: SIM905 - a list of fifty quoted words reads worse
)


def normalised(password: str) -> str:
    """The form that is hashed: however a keyboard composes a letter, it is the same letter (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def checked(password: str, *, email: str) -> str:
    """The normalised password; raises `WeakPassword` saying why it will not do."""
    word = normalised(password)
    if len(word) < MIN_CHARACTERS:
        raise WeakPassword(f"A password has at least {MIN_CHARACTERS} characters.", field="password")
    if len(word) > MAX_CHARACTERS:
        raise WeakPassword(f"A password has at most {MAX_CHARACTERS} characters.", field="password")
    if _is_guessed_first(word.casefold(), email.casefold()):
        raise WeakPassword(
            "This password is among the first that would be tried; take some unusual words.", field="password"
        )
    return word


def _is_guessed_first(word: str, email: str) -> bool:
    return (
        word in _WORST or word in {email, email.partition("@")[0]} or len(set(word)) < _DIFFERENT_CHARACTERS
    )
