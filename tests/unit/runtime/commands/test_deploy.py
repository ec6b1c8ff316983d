from pathlib import Path

from click.testing import CliRunner

from vitascope.runtime.commands.deploy import command


class TestNginx:
    def test_writes_a_private_file(self, tmp_path: Path) -> None:
        """The configuration names the data folder's objects, holds a key, and is for its owner only."""
        output = tmp_path / "media.conf"
        arguments = [
            "nginx",
            "--data",
            str(tmp_path / "data"),
            "--listen",
            "127.0.0.1:8090",
            "-o",
            str(output),
        ]

        ran = CliRunner().invoke(command, arguments)

        assert ran.exit_code == 0, ran.output
        assert f"alias {tmp_path}/data/objects/" in output.read_text(encoding="utf-8")
        assert "listen 127.0.0.1:8090;" in output.read_text(encoding="utf-8")
        assert output.stat().st_mode & 0o777 == 0o600
