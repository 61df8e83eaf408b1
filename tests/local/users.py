"""Other processes that use the servers, as the tests see them."""

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
    """A process that is inside `embedded_servers` until it is told to leave."""

    process: subprocess.Popen[str]
    answer: Path

    def entered(self) -> ServerUrls:
        wait_until(lambda: self.answer.exists() or self.process.poll() is not None, ENTER_SECONDS)
        assert self.answer.exists(), "the user did not come in"
        return ServerUrls(**json.loads(self.answer.read_text()))

    def leave(self) -> None:
        self.process.communicate("leave\n", timeout=LEAVE_SECONDS)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


StartUser = Callable[..., ServerUser]
