from vitascope.transcoding.pipeline.validation.findings import Severity, condensed, found
from vitascope.transcoding.pipeline.validation.rules import RULES


class TestFound:
    def test_severity_and_remedy(self) -> None:
        """A finding has the severity and the remedy of its rule."""
        error, warning = found("hvc1", "a", "It is hev1."), found("not-checked", "b", "MPEG-TS.")

        assert (error.severity, warning.severity) == (Severity.ERROR, Severity.WARNING)
        assert error.remedy == RULES["hvc1"].remedy

    def test_every_remedy_is_a_sentence(self) -> None:
        """Each rule tells what to do, in a sentence."""
        assert all(rule.remedy[0].isupper() and rule.remedy[-1] in ".)" for rule in RULES.values())


class TestCondensed:
    def test_the_first_few(self) -> None:
        """The same is told once, and of a thousand of a kind the first few and how many more there are."""
        many = [found("timeline", "a", f"{number}.") for number in range(1000)]

        told = list(condensed([many[0], *many, found("hvc1", "a", "It is hev1.")]))

        assert [one.problem for one in told if one.rule == "timeline"] == [
            *("0.", "1.", "2.", "3.", "4."),
            "There are 995 more of this kind.",
        ]
        assert len(told) == 7
