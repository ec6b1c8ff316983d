from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from vitascope.foundation.config import ConfigurationError, Section, load, variables


class Mail(Section):
    url: str = Field(default="file:outbox", description="Where mail goes: file:FOLDER or smtp://HOST.")
    password: SecretStr | None = None
    copies: tuple[str, ...] = ()


class Limits(Section):
    per_minute: int = Field(default=60, ge=1)
    strict: bool = True
    weights: dict[str, float] = Field(default_factory=dict)


class Tree(Section):
    mail: Mail = Mail()
    limits: Limits = Limits()
    data_folder: Path = Path("data")


class Demanding(Section):
    signing_key: SecretStr = Field(description="Make one with `openssl rand -hex 32`.")


def _read(environ: Mapping[str, str], folder: Path) -> Tree:
    return load(Tree, environ=environ, folder=folder)


def _complaint(environ: Mapping[str, str], folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        _read(environ, folder)
    return caught.value.detail


class TestLoad:
    def test_defaults_stand_alone(self, tmp_path: Path) -> None:
        """Without variables and without a file, the defaults are the settings."""
        assert _read({}, tmp_path) == Tree()

    @pytest.mark.parametrize(
        ("text", "value"), [("false", False), ("0", False), ("no", False), ("true", True)]
    )
    def test_false_is_false(self, tmp_path: Path, text: str, value: bool) -> None:
        """A variable that says "false" is false, not a true string."""
        settings = _read({"VITASCOPE_LIMITS_STRICT": text}, tmp_path)

        assert settings.limits.strict is value

    def test_variable_overrules_file(self, tmp_path: Path) -> None:
        """A variable wins over the file, and the rest of the file's section stays."""
        (tmp_path / "vitascope.toml").write_text(
            '[limits]\nper_minute = 5\nstrict = false\n[mail]\nurl = "file:a"\n'
        )

        settings = _read({"VITASCOPE_LIMITS_PER_MINUTE": "7"}, tmp_path)

        assert (settings.limits.per_minute, settings.limits.strict, settings.mail.url) == (7, False, "file:a")

    def test_named_file(self, tmp_path: Path) -> None:
        """VITASCOPE_CONFIG names another file."""
        (tmp_path / "other.toml").write_text('data_folder = "/srv"\n')

        settings = _read({"VITASCOPE_CONFIG": str(tmp_path / "other.toml")}, tmp_path)

        assert settings.data_folder == Path("/srv")

    @pytest.mark.parametrize("text", ["a@x.org, b@x.org", '["a@x.org", "b@x.org"]'])
    def test_lists(self, tmp_path: Path, text: str) -> None:
        """A list is written with commas or as JSON."""
        assert _read({"VITASCOPE_MAIL_COPIES": text}, tmp_path).mail.copies == ("a@x.org", "b@x.org")

    def test_mapping_is_json(self, tmp_path: Path) -> None:
        """A mapping is written as JSON."""
        settings = _read({"VITASCOPE_LIMITS_WEIGHTS": '{"upload": 2}'}, tmp_path)

        assert settings.limits.weights == {"upload": 2.0}

    def test_empty_variable_is_unset(self, tmp_path: Path) -> None:
        """An empty variable counts as not set, as shells and compose files leave them."""
        assert _read({"VITASCOPE_LIMITS_PER_MINUTE": ""}, tmp_path).limits.per_minute == 60

    def test_settings_are_frozen(self, tmp_path: Path) -> None:
        """Nobody changes a setting after the start."""
        settings = _read({}, tmp_path)

        with pytest.raises(ValueError, match="frozen"):
            settings.mail.url = "smtp://x"

    def test_secret_is_never_printed(self, tmp_path: Path) -> None:
        """A secret shows in no representation of the settings."""
        settings = _read({"VITASCOPE_MAIL_PASSWORD": "canary-7f3a"}, tmp_path)

        assert "canary-7f3a" not in f"{settings!r} {settings} {settings.model_dump_json()}"
        assert settings.mail.password is not None
        assert settings.mail.password.get_secret_value() == "canary-7f3a"


class TestComplaints:
    def test_wrong_value_names_variable(self, tmp_path: Path) -> None:
        """A wrong value names its variable, what it was, and what it should be."""
        text = _complaint({"VITASCOPE_LIMITS_PER_MINUTE": "many"}, tmp_path)

        assert "VITASCOPE_LIMITS_PER_MINUTE='many' is wrong: Input should be a valid integer" in text

    def test_unknown_variable_names_nearest(self, tmp_path: Path) -> None:
        """A misspelt variable is an error that names the nearest known one."""
        text = _complaint({"VITASCOPE_LIMIT_PERMINUTE": "5"}, tmp_path)

        assert (
            "VITASCOPE_LIMIT_PERMINUTE is not a setting; the nearest is VITASCOPE_LIMITS_PER_MINUTE" in text
        )

    def test_unknown_key_in_file(self, tmp_path: Path) -> None:
        """A misspelt key in the file is an error that names the nearest known one."""
        (tmp_path / "vitascope.toml").write_text('[mail]\nurll = "x"\n')

        assert "mail.urll in the file is not a setting; the nearest is mail.url" in _complaint({}, tmp_path)

    def test_wrong_value_in_file_names_both(self, tmp_path: Path) -> None:
        """A wrong value from the file names the key and the variable that could overrule it."""
        (tmp_path / "vitascope.toml").write_text("[limits]\nper_minute = 0\n")

        assert "limits.per_minute in the file (variable VITASCOPE_LIMITS_PER_MINUTE)" in _complaint(
            {}, tmp_path
        )

    def test_all_at_once(self, tmp_path: Path) -> None:
        """Every wrong setting is named in one go."""
        text = _complaint(
            {"VITASCOPE_LIMITS_STRICT": "perhaps", "VITASCOPE_MAIL_COPIES": "[1,", "VITASCOPE_X": "1"},
            tmp_path,
        )

        assert {line.split("=")[0].split()[0] for line in text.splitlines()[1:]} == {
            "VITASCOPE_LIMITS_STRICT",
            "VITASCOPE_MAIL_COPIES",
            "VITASCOPE_X",
        }

    def test_missing_says_how(self, tmp_path: Path) -> None:
        """A setting without a default says how to make one."""
        with pytest.raises(ConfigurationError, match=r"VITASCOPE_SIGNING_KEY is missing.*openssl rand"):
            load(Demanding, environ={}, folder=tmp_path)

    def test_wrong_secret_is_not_shown(self, tmp_path: Path) -> None:
        """A complaint about a secret does not repeat it."""

        class Short(Section):
            key: SecretStr = Field(max_length=4)

        with pytest.raises(ConfigurationError) as caught:
            load(Short, environ={"VITASCOPE_KEY": "canary-7f3a"}, folder=tmp_path)

        assert "canary-7f3a" not in str(caught.value)

    def test_section_replaced_by_a_value(self, tmp_path: Path) -> None:
        """A file that gives a value where a section belongs is refused."""
        (tmp_path / "vitascope.toml").write_text("mail = 3\n")

        assert "mail" in _complaint({"VITASCOPE_MAIL_URL": "file:x"}, tmp_path)

    def test_broken_or_missing_file(self, tmp_path: Path) -> None:
        """A file that is not TOML, or that is named and not there, stops the start."""
        (tmp_path / "vitascope.toml").write_text("= 3")

        assert "is not valid TOML" in _complaint({}, tmp_path)
        assert "cannot be read" in _complaint({"VITASCOPE_CONFIG": str(tmp_path / "none.toml")}, tmp_path)


class TestVariables:
    def test_lists_every_setting(self) -> None:
        """Every setting is listed with its variable, so that documentation cannot fall behind."""
        assert [variable.name for variable in variables(Tree)] == [
            "VITASCOPE_MAIL_URL",
            "VITASCOPE_MAIL_PASSWORD",
            "VITASCOPE_MAIL_COPIES",
            "VITASCOPE_LIMITS_PER_MINUTE",
            "VITASCOPE_LIMITS_STRICT",
            "VITASCOPE_LIMITS_WEIGHTS",
            "VITASCOPE_DATA_FOLDER",
        ]

    def test_two_settings_of_one_name(self) -> None:
        """Two settings that would share one variable are refused."""

        class Clash(Section):
            mail: Mail = Mail()
            mail_url: str = ""

        with pytest.raises(ConfigurationError, match="VITASCOPE_MAIL_URL"):
            variables(Clash)
