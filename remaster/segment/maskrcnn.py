"""Segmenter ``maskrcnn``: instances found by torchvision's Mask R-CNN, the paper's own choice.

He, Gkioxari, Dollár, Girshick, "Mask R-CNN" (ICCV 2017). Keyframes of several scenes go through the network together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from remaster.accelerator import Batches, Device, check_device, require, torch_device
from remaster.arrays import Rgb
from remaster.errors import EngineUnavailable
from remaster.records import Analysis
from remaster.segment import Foreground
from remaster.weights import check_url, content, state_dict, torch_hub_file

Found = TypeVar("Found")

COCO = 91
"""Classes of the published weights, background included."""
FURNITURE = (
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "potted plant", "chair", "couch", "bed"),
    *("dining table", "toilet", "tv", "microwave", "oven", "toaster", "sink", "refrigerator", "clock", "vase"),
)
"""COCO classes that belong to a drawn room or street: part of the background, unless ``furniture`` says otherwise."""


class Architecture(Enum):
    """torchvision's builders."""

    maskrcnn_resnet50_fpn = "maskrcnn_resnet50_fpn"
    maskrcnn_resnet50_fpn_v2 = "maskrcnn_resnet50_fpn_v2"


class Shape(Enum):
    """How an instance is masked: by its outline, or by its box (the paper's minimum)."""

    mask = "mask"
    box = "box"


@dataclass(frozen=True)
class Instances:
    """The n instances that were found in one picture of h x w, best first.

    ``labels`` are class names (or ``"class 7"`` where the weights are not COCO's), ``scores`` float32 (n,) 0-1,
    ``boxes`` float32 (n, 4) as x0, y0, x1, y1, ``masks`` float32 (n, h, w): the probability of belonging to each.
    """

    labels: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]
    masks: npt.NDArray[np.float32]


@dataclass(frozen=True)
class MaskRcnnSegmenter:
    """Masks of instances.

    ``weights``: a local file (a state_dict, as .pth read without running code, or .safetensors), or None for
    torchvision's own COCO weights, from its cache or, with ``download``, fetched once. Instances count from ``score``
    on and their pixels from probability ``mask`` on (0.4 and 0.2 in the paper); masks grow by ``margin`` of the frame's
    height. Pictures are resized to ``lines`` rows for the network, ``batch`` of them at once; the best ``instances`` of
    each count. ``furniture``: COCO's furniture and street fixtures are masked too. On a GPU, ``gpu_gb`` GB must be free
    at the start; the network then computes in fp16 where that is safe.
    """

    architecture: Architecture = Architecture.maskrcnn_resnet50_fpn
    weights: str | None = None
    download: bool = True
    score: float = 0.4
    mask: float = 0.2
    shape: Shape = Shape.mask
    margin: float = 0.012
    furniture: bool = False
    lines: int = 800
    instances: int = 50
    batch: int = 4
    device: Device = Device.auto
    gpu_gb: float = 2.5
    compile: bool = False

    def preflight(self) -> dict[str, str]:
        """The version of the weights' content; ``EngineUnavailable`` where libraries, device, memory or weights are
        missing, or the weights do not fit.
        """
        require("maskrcnn", "torch", "torchvision")
        check_device("maskrcnn", self.device, self.gpu_gb)
        if self.weights is None:
            url = published_weights(self.architecture).url
            check_url(url, "maskrcnn", self.download)
            return {"weights": Path(url).name}  # which ends with the content's own digest
        path = Path(self.weights).expanduser()
        _check_fits(state_dict(path), self.architecture, self.weights)
        return {"weights": content(path)}

    def segment(self, scenes: Sequence[Analysis]) -> list[Foreground]:
        """The foreground of each scene; the keyframes of all scenes share batches.

        Raises ``MemoryError`` where the GPU cannot hold a single picture.
        """
        pictures = [picture for scene in scenes for picture in scene.proxies]
        found = iter(self.network.foregrounds(pictures, self))
        return [_scene_foreground(scene, [next(found) for _ in scene.proxies]) for scene in scenes]

    def find(self, pictures: Sequence[Rgb]) -> list[Instances]:
        """The instances of each picture uint8 (h, w, 3), selected by ``score`` only."""
        return self.network.find(pictures)

    @cached_property
    def network(self) -> MaskRcnnNetwork:
        """The loaded network. It is loaded once, on first use, and never by a preflight."""
        return MaskRcnnNetwork(self)


class MaskRcnnNetwork:
    """The network on its device, with the batch size that fits into its memory."""

    def __init__(self, settings: MaskRcnnSegmenter) -> None:
        import torch

        self.device = torch_device(settings.device)
        tensors = load_tensors(settings)
        model = _build(settings.architecture, len(tensors["roi_heads.box_predictor.cls_score.weight"]), settings)
        model.load_state_dict(tensors)
        model.eval().to(self.device)
        model.backbone.to(memory_format=torch.channels_last)
        if settings.compile:
            model.backbone = torch.compile(model.backbone)
        self.model = model
        self.names = _class_names(settings.architecture, len(tensors["roi_heads.box_predictor.cls_score.weight"]))
        self.batches = Batches(settings.batch)
        if self.device == "cuda":
            self.find([np.zeros((480, 640, 3), np.uint8)])  # kernels are chosen and loaded before the first scene

    def find(self, pictures: Sequence[Rgb]) -> list[Instances]:
        """The instances of each picture."""
        return self._run(pictures, lambda part: [self._instances(output) for output in self._forward(part)])

    def foregrounds(self, pictures: Sequence[Rgb], settings: MaskRcnnSegmenter) -> list[Foreground]:
        """The foreground of each picture; the instances' own masks are freed with their batch."""

        def part_foregrounds(part: Sequence[Rgb]) -> list[Foreground]:
            return [foreground(self._instances(output), settings) for output in self._forward(part)]

        return self._run(pictures, part_foregrounds)

    def _run(self, pictures: Sequence[Rgb], call: Callable[[Sequence[Rgb]], list[Found]]) -> list[Found]:
        """Run batches of one picture size each: padding to the size of others would change a picture's result."""
        order = sorted(range(len(pictures)), key=lambda i: pictures[i].shape)
        found: dict[int, Found] = {}
        for _, group in groupby(order, key=lambda i: pictures[i].shape):
            members = list(group)
            found |= zip(members, self.batches.run([pictures[i] for i in members], call), strict=True)
        return [found[i] for i in range(len(pictures))]

    def _forward(self, pictures: Sequence[Rgb]) -> list[dict[str, Any]]:
        import torch

        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=self.device == "cuda"):
            tensors = [
                torch.from_numpy(np.ascontiguousarray(p)).to(self.device).permute(2, 0, 1).float() / 255
                for p in pictures
            ]
            found: list[dict[str, Any]] = self.model(tensors)
        return found

    def _instances(self, output: dict[str, Any]) -> Instances:
        return Instances(
            labels=tuple(self.names[label] for label in output["labels"].tolist()),
            scores=output["scores"].float().cpu().numpy(),
            boxes=output["boxes"].float().cpu().numpy(),
            masks=output["masks"][:, 0].float().cpu().numpy(),
        )


def _scene_foreground(scene: Analysis, found: Sequence[Foreground]) -> Foreground:
    """A scene's foreground from those of its keyframes."""
    masks = np.zeros(scene.proxies.shape[:3], np.bool_)
    labels: Counter[str] = Counter()
    for mask, one in zip(masks, found, strict=True):
        mask[:] = one.masks & scene.valid
        labels.update(one.labels or {})
    return Foreground(masks, dict(sorted(labels.items())))


def foreground(found: Instances, settings: MaskRcnnSegmenter) -> Foreground:
    """One picture's mask (h, w), the union of the instances that count, dilated by the margin; and their labels."""
    height, width = found.masks.shape[1:]
    mask = np.zeros((height, width), np.uint8)
    labels: Counter[str] = Counter()
    for label, score, box, probability in zip(found.labels, found.scores, found.boxes, found.masks, strict=True):
        if score < settings.score or (label in FURNITURE and not settings.furniture):
            continue
        labels[label] += 1
        if Shape(settings.shape) is Shape.box:
            x0, y0 = (max(int(v), 0) for v in np.floor(box[:2]))
            x1, y1 = (int(v) for v in np.ceil(box[2:]))
            mask[y0:y1, x0:x1] = 1
        else:
            mask |= probability >= settings.mask
    radius = round(settings.margin * height)
    if radius and mask.any():
        cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), dst=mask)
    return Foreground(mask > 0, labels)


def published_weights(architecture: Architecture | str) -> Any:
    """torchvision's DEFAULT weights."""
    import torchvision

    return torchvision.models.get_model_weights(Architecture(architecture).value).DEFAULT


def load_tensors(settings: MaskRcnnSegmenter) -> dict[str, Any]:
    """The weights as tensors by name: of the configured file, or torchvision's, downloaded into its cache once."""
    if settings.weights is not None:
        return dict(state_dict(Path(settings.weights).expanduser()))
    from filelock import FileLock

    published = published_weights(settings.architecture)
    cached = torch_hub_file(published.url)
    cached.parent.mkdir(parents=True, exist_ok=True)
    # The actors of a node share torch's cache: the first one fills it, the others wait.
    with FileLock(f"{cached}.lock"):
        return dict(published.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True))


def _build(architecture: Architecture | str, classes: int, settings: MaskRcnnSegmenter | None = None) -> Any:
    """The network without weights, as torchvision builds it for its published ones."""
    import torchvision

    chosen = Architecture(architecture)
    options: dict[str, Any] = {}
    if settings is not None:
        options = {
            "min_size": settings.lines,
            "max_size": settings.lines * 5 // 3,
            "box_score_thresh": settings.score,
            "box_detections_per_img": settings.instances,
        }
    builder = getattr(torchvision.models.detection, chosen.value)
    model = builder(weights=None, weights_backbone=None, num_classes=classes, **options)
    if chosen is Architecture.maskrcnn_resnet50_fpn:
        _freeze_norms(model.backbone)
    return model


def _freeze_norms(module: Any) -> None:
    """Replace batch norms by fixed ones without epsilon, as the published weights of v1 expect."""
    import torch
    from torchvision.ops import FrozenBatchNorm2d

    for name, child in module.named_children():
        if isinstance(child, torch.nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features, eps=0.0))
        else:
            _freeze_norms(child)


def _check_fits(tensors: Any, architecture: Architecture | str, source: str) -> None:
    """Raise ``EngineUnavailable`` where the tensors do not fit the network; nothing is computed."""
    import torch

    name, key = Architecture(architecture).value, "roi_heads.box_predictor.cls_score.weight"
    if key not in tensors:
        raise EngineUnavailable(f"{source} holds no weights of {name} (no {key})")
    with torch.device("meta"):
        wanted = {k: v.shape for k, v in _build(architecture, len(tensors[key])).state_dict().items()}
    wrong = [k for k, shape in wanted.items() if k not in tensors or tensors[k].shape != shape]
    if wrong:
        raise EngineUnavailable(f"{source} does not fit {name}: {len(wrong)} tensors lack or differ, first {wrong[0]}")


def _class_names(architecture: Architecture | str, classes: int) -> Sequence[str]:
    """COCO's class names, or numbers for other weights."""
    if classes == COCO:
        return tuple(published_weights(architecture).meta["categories"])
    return tuple(f"class {i}" for i in range(classes))
