"""`make clean-data` leaves the data of running servers alone."""

import fcntl
import shutil
import subprocess
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def test_data_in_use_is_not_deleted(tmp_path: Path) -> None:
    shutil.copy(_ROOT / "Makefile", tmp_path)
    (tmp_path / ".data").mkdir()
    with (tmp_path / ".data" / "users.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        refused = subprocess.run(["make", "clean-data"], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S607
    assert (refused.returncode, "stop it first" in refused.stderr) == (2, True)
    assert (tmp_path / ".data").exists()
    subprocess.run(["make", "clean-data"], cwd=tmp_path, capture_output=True, check=True)  # noqa: S607
    assert not (tmp_path / ".data").exists()
