"""The little of the ONNX format that `model_graph` reads and writes: protocol buffers, by the numbers of their fields
in onnx.proto. The `onnx` package is 100 MB and is needed for nothing else."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmap import mmap

    from numpy.typing import NDArray

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Numbers of element types in a tensor.
_ELEMENT_TYPES = {"float32": 1, "int8": 3, "int64": 7}
_DOMAINS = {"": 18, "com.microsoft": 1}
_IR_VERSION = 10


class UnknownFormat(Exception):
    """The bytes are not a model of the kind that is expected."""


@dataclass(frozen=True)
class ReadModel:
    """The tensors of a model by name, and the names of the inputs of its nodes of each kind, in order."""

    tensors: Mapping[str, "NDArray[Any]"]
    inputs: Mapping[str, Sequence[tuple[str, ...]]]


def read_model(content: "bytes | mmap") -> ReadModel:
    """The stored tensors, which are views of the content, and the nodes of a model.

    Raises:
        UnknownFormat: it is no model, or its tensors are stored in another way.
    """
    tensors, inputs = {}, dict[str, list[tuple[str, ...]]]()
    try:
        graph = _first(memoryview(content), 7)
        for number, value in _fields(graph):
            if number == 5:
                name, tensor = _read_tensor(value)
                tensors[name] = tensor
            elif number == 1:
                kind = str(_first(value, 4), "utf-8")
                inputs.setdefault(kind, []).append(
                    tuple(str(name, "utf-8") for key, name in _fields(value) if key == 1)
                )
    except (IndexError, KeyError, ValueError, TypeError, StopIteration, struct.error) as error:
        raise UnknownFormat("the file of the model has another format") from error
    return ReadModel(tensors, inputs)


class ModelWriter:
    """Builds a model node by node."""

    def __init__(self) -> None:
        self._graph: list[bytes] = []

    def add_tensor(self, name: str, values: "NDArray[Any]") -> str:
        """Stores a tensor; returns its name."""
        message = b"".join(_integer(1, size) for size in values.shape)
        message += _integer(2, _ELEMENT_TYPES[values.dtype.name]) + _text(8, name) + _chunk(9, values.tobytes())
        self._graph.append(_chunk(5, message))
        return name

    def add_node(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str = "", **attributes: float
    ) -> str:
        """Adds an operation; returns the name of its first output."""
        message = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in outputs)
        message += _text(4, kind) + _text(7, domain)
        self._graph.append(_chunk(1, message + b"".join(_attribute(*pair) for pair in attributes.items())))
        return outputs[0]

    def finish(self, source: str, width: int, output: str) -> bytes:
        """The model, whose input is rows of so many floats, and whose output is rows of floats."""
        fixed = _chunk(1, _integer(1, width))
        shape = _chunk(1, _text(2, "batch")) + _chunk(1, _text(2, "tokens")) + fixed
        for number, name in ((11, source), (12, output)):
            tensor = _integer(1, _ELEMENT_TYPES["float32"]) + _chunk(2, shape)
            self._graph.append(_chunk(number, _text(1, name) + _chunk(2, _chunk(1, tensor))))
        versions = b"".join(_chunk(8, _text(1, name) + _integer(2, version)) for name, version in _DOMAINS.items())
        return _integer(1, _IR_VERSION) + versions + _chunk(7, _text(2, "encoder") + b"".join(self._graph))


def _read_tensor(message: memoryview) -> tuple[str, "NDArray[Any]"]:
    import numpy

    shape = [value for number, value in _fields(message) if number == 1]
    kind = {number: name for name, number in _ELEMENT_TYPES.items()}.get(_first(message, 2))
    # Other element types belong to constants that are not needed.
    values = numpy.frombuffer(_first(message, 9), kind).reshape(shape) if kind else numpy.empty(0)
    return str(_first(message, 8), "utf-8"), values


def _first(message: memoryview, wanted: int) -> Any:
    return next(value for number, value in _fields(message) if number == wanted)


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """The number and the value of each field: integers, or the bytes of what has a length."""
    place = 0
    while place < len(message):
        key, place = _read_varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _read_varint(message, place)
            yield number, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
        if size is None:
            size, place = _read_varint(message, place)
        if kind not in {_BYTES, _FIXED64, _FIXED32} or place + size > len(message):
            raise ValueError
        yield number, message[place : place + size]
        place += size


def _read_varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 128:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def _integer(number: int, value: int) -> bytes:
    # Negative numbers are written as if they had 64 bits without a sign.
    return _varint(number << 3 | _VARINT) + _varint(value % 2**64)


def _chunk(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _chunk(number, text.encode())


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _chunk(5, _text(1, name) + _integer(3, value) + _integer(20, 2))
    return _chunk(5, _text(1, name) + _varint(2 << 3 | _FIXED32) + struct.pack("<f", value) + _integer(20, 1))
