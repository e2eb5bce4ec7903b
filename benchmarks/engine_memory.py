"""Do the neural engines fit a card of 8 GB? Counts their memory by batch size, without a GPU.

``python -m benchmarks.engine_memory``. Networks of full size run on tensors with shapes but no contents (torch's
``meta`` device). Every tensor that is alive at one time is counted: weights and activations in fp16 as on a GPU,
attention as torch's fused kernels hold it. What a GPU adds (its context, workspaces of libraries, fragmentation) is
not counted; ``RESERVE`` stands for it. Mask R-CNN's choice of boxes needs contents, so it runs for real, in fp32.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.engines import _picture, _versions, random_pipeline
from remaster.segment.maskrcnn import MaskRcnnSegmenter

BATCHES = (1, 2, 4, 8, 16)
RESERVE = 1.0  # GB a process: CUDA's context 0.3-0.5, cuDNN's workspaces, fragmentation
RESULTS = Path(__file__).parent / "results" / "engine_memory.md"


class Alive(TorchDispatchMode):
    """Counts the bytes of all tensors made under it that are alive at a time; ``peak`` is the most."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self.sizes:
                self._add(tensor.untyped_storage())
        self.peak = max(self.peak, self.now)
        return made

    def _add(self, storage: Any) -> None:
        self.sizes[storage._cdata] = storage.nbytes()
        self.now += storage.nbytes()
        weakref.finalize(storage, self._gone, storage._cdata)

    def _gone(self, key: int) -> None:
        self.now -= self.sizes.pop(key)


def peak(call: Callable[[], object]) -> float:
    """GB (10**9 bytes) alive at most, beside what was there before."""
    with torch.inference_mode(), Alive() as alive:
        call()
    return alive.peak / 1e9


def weights(*modules: Any) -> float:
    """GB of parameters."""
    return sum(p.numel() * p.element_size() for module in modules for p in module.parameters()) / 1e9


@contextmanager
def fused_attention() -> Iterator[None]:
    """On ``meta`` torch would take attention apart and hold its matrix, which its kernels on a GPU never do."""
    functional = torch.nn.functional
    real = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = lambda query, *args, **options: torch.empty_like(query)
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = real


def diffusion(xl: bool) -> list[tuple[int, float]]:
    """(batch, GB) of Stable Diffusion 1.5 at 512 pixels, or XL at 1024, with guidance."""
    pipeline = random_pipeline("meta", torch.float16)
    unet, held = (xl_unet(), weights(*clips())) if xl else (pipeline.unet, weights(pipeline.text_encoder))
    side, width = (128, 2048) if xl else (64, 768)
    # XL's autoencoder overflows in fp16 and is brought to fp32; tiles go through it one by one.
    vae, dtype = (pipeline.vae.float(), torch.float32) if xl else (pipeline.vae, torch.float16)
    added = {"text_embeds": 1280, "time_ids": 6} if xl else {}

    def step(batch: int) -> None:
        def empty(*shape: int) -> torch.Tensor:
            return torch.empty(2 * batch, *shape, device="meta", dtype=torch.float16)

        conditions = {name: empty(size) for name, size in added.items()} or None
        unet(empty(9, side, side), 500, encoder_hidden_states=empty(77, width), added_cond_kwargs=conditions)

    decoding = peak(lambda: vae.decode(torch.empty(1, 4, side, side, device="meta", dtype=dtype)))
    held += weights(unet, vae)
    return [(batch, held + max(peak(lambda batch=batch: step(batch)), decoding)) for batch in BATCHES]


def xl_unet() -> Any:
    """Stable Diffusion XL's inpainting UNet, by its published configuration."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=128,
            in_channels=9,
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=[1, 2, 10],
            attention_head_dim=[5, 10, 20],
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        ).half()


def clips() -> tuple[Any, Any]:
    """Text encoders in half precision: CLIP's ViT-L/14, and OpenCLIP's ViT-bigG/14, which XL and 3 have besides."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    small = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    large = CLIPTextConfig(
        hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, projection_dim=1280
    )
    with torch.device("meta"):
        return CLIPTextModel(small).half(), CLIPTextModelWithProjection(large).half()


@dataclass(frozen=True)
class Flow:
    """A network of today at 1024 pixels in bf16: its ``transformer`` and what else has weights, on ``meta``.

    ``step`` makes the transformer's inputs for a number of tiles, two for each where guidance evaluates both
    sides at once. ``latents`` is the shape of what the ``vae`` decodes to a tile.
    """

    transformer: Any
    encoders: tuple[Any, ...]
    vae: Any
    step: Callable[[int], Mapping[str, Any]]
    latents: tuple[int, ...]

    def memory(self) -> dict[str, list[tuple[int, float]]]:
        """(batch, GB) with one component on the GPU at a time, of which the largest counts, and with all of them."""
        steps = [peak(lambda n=n: self.transformer(**self.step(n), return_dict=False)) for n in BATCHES]
        decoding = peak(lambda: self.vae.decode(empty(*self.latents)))
        largest = max(weights(self.vae) + decoding, *(weights(module) for module in self.encoders))
        held, every = weights(self.transformer), weights(self.transformer, *self.encoders, self.vae)
        by_part = [max(held + step, largest) for step in steps]
        whole = [every + max(step, decoding) for step in steps]
        return {
            "part by part (`offload`)": list(zip(BATCHES, by_part, strict=True)),
            "all of it on the card": list(zip(BATCHES, whole, strict=True)),
        }


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, device="meta", dtype=torch.bfloat16)


def stable_diffusion_3() -> Flow:
    """Stable Diffusion 3 medium by its published configuration; both sides of guidance are one batch."""
    from diffusers import SD3Transformer2DModel

    with torch.device("meta"):
        transformer = SD3Transformer2DModel(
            sample_size=128,
            num_layers=24,
            attention_head_dim=64,
            num_attention_heads=24,
            joint_attention_dim=4096,
            caption_projection_dim=1536,
            pooled_projection_dim=2048,
            pos_embed_max_size=192,
        ).bfloat16()

    def step(batch: int) -> dict[str, Any]:
        n = 2 * batch
        text = {"encoder_hidden_states": empty(n, 333, 4096), "pooled_projections": empty(n, 2048)}
        return {"hidden_states": empty(n, 16, 128, 128), "timestep": empty(n), **text}

    return Flow(transformer, (*clips(), t5_xxl()), autoencoder_16(), step, (1, 16, 128, 128))


def flux_fill() -> Flow:
    """FLUX.1 Fill [dev] by its published configuration: FLUX.1's, with the picture and its mask as further channels."""
    from diffusers import FluxTransformer2DModel

    with torch.device("meta"):
        transformer = FluxTransformer2DModel(in_channels=384, out_channels=64, guidance_embeds=True).bfloat16()

    def step(batch: int) -> dict[str, Any]:
        text = {"encoder_hidden_states": empty(batch, 512, 4096), "pooled_projections": empty(batch, 768)}
        ids = {"txt_ids": empty(512, 3), "img_ids": empty(4096, 3)}
        times = {"timestep": empty(batch), "guidance": empty(batch)}
        return {"hidden_states": empty(batch, 4096, 384), **times, **text, **ids}

    return Flow(transformer, (clips()[0], t5_xxl()), autoencoder_16(), step, (1, 16, 128, 128))


def qwen_image() -> Flow:
    """Qwen-Image by its published configuration, which is its classes' default; its reader is Qwen2.5-VL of 7B."""
    from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    text = {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
    }
    with torch.device("meta"):
        transformer = QwenImageTransformer2DModel().bfloat16()
        vae = AutoencoderKLQwenImage().bfloat16()
        vision = {"hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584}
        reader = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))

    def step(batch: int) -> dict[str, Any]:
        shapes = {"img_shapes": [[(1, 64, 64)]] * batch}
        return {
            "hidden_states": empty(batch, 4096, 64),
            "timestep": empty(batch),
            "encoder_hidden_states": empty(batch, 64, 3584),
            "encoder_hidden_states_mask": None,
            **shapes,
        }

    return Flow(transformer, (reader.bfloat16(),), vae, step, (1, 16, 1, 128, 128))


def t5_xxl() -> Any:
    """The encoder of T5 v1.1 XXL."""
    from transformers import T5Config, T5EncoderModel

    size = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64, "vocab_size": 32128}
    with torch.device("meta"):
        return T5EncoderModel(T5Config(**size, feed_forward_proj="gated-gelu", is_encoder_decoder=False)).bfloat16()


def autoencoder_16() -> Any:
    """The autoencoder of 16 channels that Stable Diffusion 3 and FLUX.1 have."""
    from diffusers import AutoencoderKL

    with torch.device("meta"):
        return AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=16,
            use_quant_conv=False,
            use_post_quant_conv=False,
        ).bfloat16()


def mask_rcnn() -> list[tuple[int, float]]:
    """(batch, GB) of pictures of 640x480, from 1 and 2 for real; each further picture adds the same."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.pth"
        torch.manual_seed(0)
        torch.save(maskrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict(), path)
        # Random weights are sure of nothing; so low a score gives the mask head its full load.
        engine = MaskRcnnSegmenter(weights=str(path), batch=2, score=0.005, device="cpu")  # type: ignore[arg-type]
        network = engine.network
    pictures = [_picture(640, 480, seed) for seed in range(2)]
    held = weights(network.model)
    one, two = (held + peak(lambda count=count: network.find(pictures[:count])) for count in (1, 2))
    return [(batch, one + (batch - 1) * (two - one)) for batch in BATCHES]


TODAY = {"Stable Diffusion 3 medium": stable_diffusion_3, "FLUX.1 Fill": flux_fill, "Qwen-Image": qwen_image}


def main() -> None:
    torch.set_num_threads(1)
    with fused_attention():
        rows = {
            "Mask R-CNN, 640x480 at 800 lines, fp32": mask_rcnn(),
            "Stable Diffusion 1.5, 512x512, fp16": diffusion(xl=False),
            "Stable Diffusion XL, 1024x1024, fp16, its autoencoder fp32": diffusion(xl=True),
        }
        for title, make in TODAY.items():
            rows |= {f"{title}, 1024x1024, bf16, {how}": found for how, found in make().memory().items()}
    lines = [
        "# Neural engines: memory by batch size",
        "",
        f"`python -m benchmarks.engine_memory`, {_versions()}.",
        "GB (10**9 bytes) of weights and activations alive at most, counted on tensors without contents, not on a GPU.",
        f"A process on a GPU adds about {RESERVE:g} GB for its context, workspaces and fragmentation: an estimate.",
        "",
        f"| network | {' | '.join(f'batch {batch}' for batch in BATCHES)} |",
        f"| --- |{' ---: |' * len(BATCHES)}",
        *(f"| {name} | {' | '.join(f'{gb:.1f}' for _, gb in found)} |" for name, found in rows.items()),
        "",
    ]
    RESULTS.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
