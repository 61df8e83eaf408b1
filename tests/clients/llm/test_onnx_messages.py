"""Reading and writing the ONNX format, and files that are something else."""

import numpy
import pytest

from app.clients.llm.model_graph import StoredModel
from app.clients.llm.onnx_messages import ModelWriter, UnknownFormat, read_model


def test_what_is_written_is_read_again() -> None:
    writer = ModelWriter()
    values = numpy.arange(-300, 300, dtype=numpy.float32).reshape(2, 300)
    writer.add_tensor("numbers", values)
    writer.add_tensor("places", numpy.array([-1, 2**40]))
    writer.add_node("MatMul", ["input", "numbers"], ["product"], axis=-1, epsilon=0.5)
    model = read_model(writer.finish("input", 2, "product"))
    assert numpy.array_equal(model.tensors["numbers"], values)
    assert model.tensors["places"].tolist() == [-1, 2**40]
    assert model.inputs == {"MatMul": [("input", "numbers")]}


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"no model at all", b"\x3a\x05ab"])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(UnknownFormat):
        read_model(content)


def test_another_model_is_refused() -> None:
    writer = ModelWriter()
    writer.add_node("MatMul", ["input", "numbers"], ["product"])
    with pytest.raises(UnknownFormat):
        StoredModel(writer.finish("input", 2, "product"))
