"""ONNX models with random weights, written without the onnx package: the protobuf of a graph by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

FLOAT, INT8, INT64 = 1, 3, 7
TYPES = {"float32": FLOAT, "int8": INT8, "int64": INT64}
Attribute = int | float | str | Sequence[int]


def varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def number(key: int, value: int) -> bytes:
    return varint(key << 3) + varint(value)


def text(key: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return varint(key << 3 | 2) + varint(len(data)) + data


def attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, str):
        return text(1, name) + text(4, value) + number(20, 3)
    if isinstance(value, float):
        return text(1, name) + varint(2 << 3 | 5) + np.float32(value).tobytes() + number(20, 1)
    if isinstance(value, int):
        return text(1, name) + number(3, value) + number(20, 2)
    return text(1, name) + b"".join(number(8, one) for one in value) + number(20, 7)


@dataclass
class Graph:
    """A graph that grows node by node; every method returns the name of what it makes."""

    seed: int = 0
    nodes: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Attribute) -> str:
        made = output or f"n{len(self.nodes)}"
        body = b"".join(text(1, one) for one in inputs) + text(2, made) + text(3, f"node {made}") + text(4, kind)
        self.nodes.append(body + b"".join(text(5, attribute(*one)) for one in attributes.items()))
        return made

    def constant(self, values: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        shape = b"".join(number(1, one) for one in values.shape)
        self.constants.append(
            shape
            + number(2, TYPES[values.dtype.name])
            + text(8, name)
            + text(9, np.ascontiguousarray(values).tobytes())
        )
        return name

    def conv(self, x: str, cin: int, cout: int, side: int = 3, stride: int = 1, reflect: bool = True) -> str:
        """A convolution that keeps the size (over the stride); its weights are quantised in blocks, as the model
        of OpenCV's zoo has them.
        """
        pad = side // 2
        if pad and reflect:
            x = self.node("Pad", x, self.constant(np.array([0, 0, pad, pad] * 2)), mode="reflect")
        weights = self.random.normal(0, (2 / (cin * side * side)) ** 0.5, (cout, cin * side * side)).astype(np.float32)
        block = next(n for n in range(64, 0, -1) if weights.shape[1] % n == 0)
        blocks = weights.reshape(cout, -1, block)
        scale = (np.abs(blocks).max(-1) / 127 + 1e-9).astype(np.float32)
        small = np.rint(blocks / scale[..., None]).astype(np.int8).reshape(weights.shape)
        zero = np.zeros(scale.shape, np.int8)
        whole = self.node(
            "DequantizeLinear", *(self.constant(one) for one in (small, scale, zero)), axis=1, block_size=block
        )
        shaped = self.node("Reshape", whole, self.constant(np.array([cout, cin, side, side])))
        pads = [0] * 4 if reflect or not pad else [pad] * 4
        return self.node("Conv", x, shaped, kernel_shape=[side, side], strides=[stride, stride], pads=pads)

    def normed(self, x: str, channels: int) -> str:
        """Batch normalisation with random statistics, and ReLU."""
        low, high = (0.3, -0.1, -0.1, 0.5), (1.0, 0.1, 0.1, 2.0)
        drawn = (self.random.uniform(a, b, channels).astype(np.float32) for a, b in zip(low, high, strict=True))
        return self.node("Relu", self.node("BatchNormalization", x, *(self.constant(one) for one in drawn)))

    def save(self, path: Path, inputs: dict[str, Sequence[int]], outputs: dict[str, Sequence[int]]) -> Path:
        def value(name: str, shape: Sequence[int]) -> bytes:
            sides = b"".join(text(1, number(1, one)) for one in shape)
            return text(1, name) + text(2, text(1, number(1, FLOAT) + text(2, sides)))

        graph = b"".join(text(1, one) for one in self.nodes) + text(2, "drawn")
        graph += b"".join(text(5, one) for one in self.constants)
        graph += b"".join(text(11, value(*one)) for one in inputs.items())
        graph += b"".join(text(12, value(*one)) for one in outputs.items())
        path.write_bytes(number(1, 10) + text(2, "remaster") + text(7, graph) + text(8, number(2, 21)))
        return path


def lama(path: Path, width: int = 4, blocks: int = 1, side: int = 512, answer: float | None = None) -> Path:
    """LaMa's own architecture with random weights (``width`` 64 and 18 ``blocks`` are big-LaMa), picture and mask in.

    Its Fourier transforms are products with matrices. With an ``answer`` the network's own picture is multiplied by 0
    and that level, 0-1, is added: what is masked becomes it, and all else stays what it was.
    """
    g = Graph()
    one = g.constant(np.float32([1]))
    known = g.node("Sub", one, "mask")
    kept = g.node("Mul", "image", known)
    x = g.normed(g.conv(g.node("Concat", kept, "mask", axis=1), 4, width, 7), width)
    for times in (1, 2):
        x = g.normed(g.conv(x, width * times, width * times * 2, stride=2), width * times * 2)
    total = width * 8
    far = total * 3 // 4
    near = total - far
    xs = [g.normed(g.conv(x, width * 4, part, stride=2), part) for part in (near, far)]
    for _ in range(blocks):
        before = xs
        for _ in range(2):
            xs = _fourier_convolution(g, *xs, near, far, side // 8)
        xs = [g.node("Add", a, b) for a, b in zip(before, xs, strict=True)]
    x = g.node("Concat", *xs, axis=1)
    for part in (total, total // 2, total // 4):
        weights = g.random.normal(0, (1 / part) ** 0.5, (part, part // 2, 3, 3)).astype(np.float32)
        shape: dict[str, Attribute] = {"strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 1]}
        x = g.normed(g.node("ConvTranspose", x, g.constant(weights), kernel_shape=[3, 3], **shape), part // 2)
    x = g.node("Sigmoid", g.conv(x, width, 3, 7))
    if answer is not None:
        x = g.node("Add", g.node("Mul", x, g.constant(np.float32([0]))), g.constant(np.float32([answer])))
    mixed = g.node("Add", kept, g.node("Mul", x, "mask"))
    g.node("Mul", mixed, g.constant(np.float32([255])), output="output")
    shapes: dict[str, Sequence[int]] = {"image": (1, 3, side, side), "mask": (1, 1, side, side)}
    return g.save(path, shapes, {"output": (1, 3, side, side)})


def _fourier_convolution(g: Graph, local: str, wide: str, near: int, far: int, side: int) -> list[str]:
    to_near = g.node("Add", g.conv(local, near, near), g.conv(wide, far, near))
    to_far = g.node("Add", g.conv(local, near, far), _spectral(g, wide, far, side))
    return [g.normed(to_near, near), g.normed(to_far, far)]


def _spectral(g: Graph, x: str, channels: int, side: int) -> str:
    """The spectral transform: a convolution over the spectrum of the whole picture, added to the picture."""
    half, middle = channels // 2, side // 2 + 1
    wave = np.exp(-2j * np.pi * np.outer(np.arange(side), np.arange(side)) / side) / side**0.5
    twice = wave[:, :middle] * np.r_[1, np.full(middle - 2, 2), 1]
    cos, sin, half_cos, half_sin, back_cos, back_sin = (
        g.constant(np.ascontiguousarray(one, np.float32))
        for one in (wave.real, wave.imag, wave[:, :middle].real, wave[:, :middle].imag, twice.real.T, twice.imag.T)
    )

    def turned(real: str, imaginary: str, sign: str) -> tuple[str, str]:
        """The transform along the height; ``sign`` "Sub" forwards, "Add" backwards."""
        other = "Add" if sign == "Sub" else "Sub"
        a, b, c, d = (g.node("MatMul", m, v) for m, v in ((cos, real), (sin, imaginary), (cos, imaginary), (sin, real)))
        return g.node(sign, a, b), g.node(other, c, d)

    x = g.normed(g.conv(x, channels, half, 1), half)
    parts = turned(g.node("MatMul", x, half_cos), g.node("MatMul", x, half_sin), "Sub")
    axis = g.constant(np.array([2]))
    folded = g.node("Concat", *(g.node("Unsqueeze", part, axis) for part in parts), axis=2)
    folded = g.node("Reshape", folded, g.constant(np.array([1, channels, side, middle])))
    folded = g.normed(g.conv(folded, channels, channels, 1), channels)
    folded = g.node("Reshape", folded, g.constant(np.array([1, half, 2, side, middle])))
    real, imaginary = turned(*(g.node("Gather", folded, g.constant(np.array(k)), axis=2) for k in (0, 1)), "Add")
    back = g.node("Add", g.node("MatMul", real, back_cos), g.node("MatMul", imaginary, back_sin))
    return g.conv(g.node("Add", x, back), half, channels, 1)
