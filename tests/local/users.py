"""Other processes that use the embedded servers."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.local.embedded import ServerUrls
from app.local.embedded.processes import wait_until

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("server_user.py")
ENTER_SECONDS = 60.0
LEAVE_SECONDS = 30.0


@dataclass
class ServerUser:
    """A process that is inside `embedded_servers` until `leave`."""

    process: subprocess.Popen[str]
    urls_file: Path

    def entered(self) -> ServerUrls:
        """Returns the URLs when the process is inside."""
        wait_until(lambda: self.urls_file.exists() or self.process.poll() is not None, ENTER_SECONDS)
        assert self.urls_file.exists(), "the process did not enter"
        return ServerUrls(**json.loads(self.urls_file.read_text()))

    def leave(self) -> None:
        """Returns when the process has left and ended."""
        self.process.communicate("leave\n", timeout=LEAVE_SECONDS)
        assert self.process.returncode == 0

    def kill(self) -> None:
        """Kills the process; the servers stay."""
        self.process.kill()
        self.process.communicate()


StartUser = Callable[..., ServerUser]
