"""The offline model: its stored numbers, and graphs of it for the runtime that compute in floats or in 8 bits.

The installed file stores its weights in 8 bits, with a scale for each column. Its own graph turns them into floats,
the table of all tokens included. The graphs here use the runtime's operations for whole parts of a layer, and leave the
table where it is: less memory, and the same vectors. The one in 8 bits multiplies with the stored integers, and rounds
to 8 bits what they are multiplied with: more than twice as fast, and nearly the same vectors.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.clients.llm.embedder import DIMENSIONS
from app.clients.llm.onnx_messages import ModelWriter, UnknownFormat, read_model

if TYPE_CHECKING:
    from mmap import mmap

    from numpy import float32
    from numpy.typing import NDArray

INPUT, OUTPUT = "tokens", "states"
_LAYERS, _HEADS, _MATRICES = 6, 12, 6
_MICROSOFT = "com.microsoft"
_EPSILON = 1e-12
_EMBEDDINGS, _WORDS = "inner.embeddings.", "inner.embeddings.word_embeddings.weight"
_POSITIONS = "inner.embeddings.position_embeddings.weight"


class StoredModel:
    """The numbers of the installed file, whose content has to stay readable: most of them are views of it."""

    def __init__(self, content: "bytes | mmap") -> None:
        """Raises:
        UnknownFormat: the content is not the model that is expected.
        """
        model = read_model(content)
        self.tensors = model.tensors
        try:
            # Of each layer: query, key, value, output of the attention, then up and down in the feed-forward part.
            self.matrices = [right for _, right in model.inputs["MatMul"] if f"{right}_q" in self.tensors]
            self._words, self._scales = self.tensors[f"{_WORDS}_q"], self.tensors[f"{_WORDS}_scale"]
            positions = self.tensors[f"{_POSITIONS}_q"] * self.tensors[f"{_POSITIONS}_scale"]
            # All tokens are of the first type.
            self._positions = positions + self.tensors[f"{_EMBEDDINGS}token_type_embeddings.weight"][0]
        except (KeyError, ValueError) as error:
            raise UnknownFormat("the file of the model has another graph") from error
        if len(self.matrices) != _LAYERS * _MATRICES:
            raise UnknownFormat("the file of the model has another graph")

    def tokens(self, ids: Sequence[int]) -> "NDArray[float32]":
        """The input of a graph: a row for each token, its vector and that of its position."""
        rows: NDArray[float32] = (self._words[ids] * self._scales[ids] + self._positions[: len(ids)])[None]
        return rows

    def graph(self, *, integers: bool) -> bytes:
        """The layers as an ONNX file of their own, which compute in 8 bits or in floats.

        Raises:
            UnknownFormat: the numbers are not those of the model that is expected.
        """
        try:
            return _Graph(self, integers).build()
        except (KeyError, ValueError) as error:
            raise UnknownFormat("the file of the model has another graph") from error


class _Graph:
    def __init__(self, model: StoredModel, integers: bool) -> None:
        self._stored, self._matrices, self._integers = model.tensors, model.matrices, integers
        self._writer = ModelWriter()

    def build(self) -> bytes:
        store = self._writer.add_tensor
        normal = [store(name, self._stored[f"{_EMBEDDINGS}LayerNorm.{name}"]) for name in ("weight", "bias")]
        state = self._writer.add_node("LayerNormalization", [INPUT, *normal], ["state"], axis=-1, epsilon=_EPSILON)
        for layer in range(_LAYERS):
            state = self._add_layer(layer, state)
        return self._writer.finish(INPUT, DIMENSIONS, state)

    def _add_layer(self, layer: int, state: str) -> str:
        import numpy

        add, store, prefix = self._writer.add_node, self._writer.add_tensor, f"inner.encoder.layer.{layer}."
        query, key, value, output, up, down = self._matrices[layer * _MATRICES : (layer + 1) * _MATRICES]
        names = ("query", "key", "value")
        biases = numpy.concatenate([self._stored[f"{prefix}attention.self.{name}.bias"] for name in names])
        together = self._multiply(f"qkv{layer}", state, (query, key, value), biases)
        add("Split", [together], parts := [f"{name}{layer}" for name in names], axis=-1, num_outputs=len(parts))
        add("MultiHeadAttention", parts, [f"heads{layer}"], domain=_MICROSOFT, num_heads=_HEADS)
        mixed = self._multiply(f"mixed{layer}", f"heads{layer}", (output,))
        attended = self._add_and_normalise(f"attended{layer}", mixed, state, f"{prefix}attention.output.")
        # A single large number in a row would make the others of all rows coarse.
        wide = self._multiply_rows(f"wide{layer}", attended, up)
        bias = store(f"bias{layer}", self._stored[f"{prefix}intermediate.dense.bias"])
        active = add("BiasGelu", [wide, bias], [f"active{layer}"], domain=_MICROSOFT)
        narrow = self._multiply_rows(f"narrow{layer}", active, down)
        name = OUTPUT if layer == _LAYERS - 1 else f"state{layer}"
        return self._add_and_normalise(name, narrow, attended, f"{prefix}output.")

    def _multiply(self, name: str, left: str, right: tuple[str, ...], bias: "NDArray[Any] | None" = None) -> str:
        """The product with the matrices side by side, plus the bias. In 8 bits, what is multiplied is rounded with one
        scale for all of it."""
        import numpy

        add, store = self._writer.add_node, self._writer.add_tensor
        weights = numpy.concatenate([self._stored[f"{matrix}_q"] for matrix in right], axis=1)
        scales = numpy.concatenate([self._stored[f"{matrix}_scale"].reshape(-1) for matrix in right])
        biases = [] if bias is None else [store(f"{name}.bias", bias)]
        if self._integers:
            zeros = store(f"{name}.zeros", numpy.zeros(len(scales), numpy.int8))
            stored = [store(f"{name}.weights", weights), store(f"{name}.scales", scales), zeros]
            return add("DynamicQuantizeMatMul", [left, *stored, *biases], [name], domain=_MICROSOFT)
        floats = store(f"{name}.weights", weights * scales)
        if not biases:
            return add("MatMul", [left, floats], [name])
        return add("Add", [add("MatMul", [left, floats], [f"{name}.product"]), *biases], [name])

    def _multiply_rows(self, name: str, left: str, right: str) -> str:
        """The product; in 8 bits, each row is rounded with a scale of its own."""
        import numpy

        if not self._integers:
            return self._multiply(name, left, (right,))
        add = self._writer.add_node
        add("Abs", [left], [f"{name}.sizes"])
        last_axis = self._writer.add_tensor(f"{name}.axis", numpy.array([-1]))
        largest = add("ReduceMax", [f"{name}.sizes", last_axis], [f"{name}.largest"], keepdims=1)
        add("Div", [left, largest], [f"{name}.rows"])
        product = self._multiply(f"{name}.product", f"{name}.rows", (right,))
        return add("Mul", [product, largest], [name])

    def _add_and_normalise(self, name: str, change: str, state: str, prefix: str) -> str:
        keys = ("LayerNorm.weight", "LayerNorm.bias", "dense.bias")
        constants = [self._writer.add_tensor(f"{name}.{key}", self._stored[prefix + key]) for key in keys]
        return self._writer.add_node(
            "SkipLayerNormalization", [change, state, *constants], [name], domain=_MICROSOFT, epsilon=_EPSILON
        )
