import json

from click.testing import CliRunner

from vitascope.runtime.cli import main


class TestDoctor:
    def test_encoders(self) -> None:
        """It tells what ffmpeg encodes, and of each kind of hardware what it encodes or why it does not."""
        result = CliRunner().invoke(main, ["doctor", "--json"])

        findings = {finding["name"]: finding for finding in json.loads(result.stdout)["findings"]}
        assert "with libx264, libx265, libsvtav1, libvpx-vp9" in findings["ffmpeg"]["detail"]
        for engine in ("nvenc", "qsv", "vaapi"):
            finding = findings[f"hardware: {engine}"]
            assert finding["detail"]
            assert not finding["needed"]
