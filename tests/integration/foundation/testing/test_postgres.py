import multiprocessing
import time
from multiprocessing.connection import Connection

import psutil

from vitascope.foundation.testing.postgres import open_folder, private_server

SPAWN = multiprocessing.get_context("spawn")


def _serve_until_killed(line: Connection) -> None:
    with private_server() as server:
        server.start()
        line.send((server.pid(), server._folder.parent))
        time.sleep(60)


class TestOpenFolder:
    def test_removes_what_a_killed_run_left(self) -> None:
        """The server and the folder of a test run that was killed are gone after the next run began."""
        line, theirs = SPAWN.Pipe(duplex=False)
        run = SPAWN.Process(target=_serve_until_killed, args=(theirs,))
        run.start()
        pid, folder = line.recv()
        with open_folder():
            assert psutil.pid_exists(pid)
        run.kill()
        run.join()

        with open_folder():
            while psutil.pid_exists(pid):
                time.sleep(0.05)

        assert not folder.exists()
        for end in (line, theirs):
            end.close()
