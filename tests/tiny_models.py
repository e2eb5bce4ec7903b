"""Checkpoints of the real classes, small enough to make in a test, saved where the engines load them from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

torch.set_num_threads(1)  # waiting threads cost more than they bring on networks this small


def stable_diffusion(folder: Path, pickled: bool = False) -> Path:
    """A Stable Diffusion inpainting checkpoint with random weights, for tiles of 64 pixels."""
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=9,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
    )
    pipeline = StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=1,
                num_attention_heads=2,
                vocab_size=514,
                max_position_embeddings=77,
            )
        ),
        tokenizer=_tokenizer(folder.parent / f"{folder.name}-tokenizer"),
        unet=unet,
        scheduler=PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=not pickled)
    return folder


def _tokenizer(folder: Path) -> Any:
    """CLIP's tokenizer with the bytes alone for a vocabulary."""
    from transformers import CLIPTokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


class TinyLama(torch.nn.Module):
    """LaMa's interface: what is masked becomes the mean of the known pixels, plus a trace of the mask's own shape."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        known = 1 - mask
        mean = (image * known).sum([2, 3], keepdim=True) / known.sum([2, 3], keepdim=True).clamp(min=1)
        return image * known + mean * mask


def lama(path: Path) -> Path:
    """A scripted module with LaMa's interface."""
    torch.jit.script(TinyLama()).save(str(path))
    return path


def mask_rcnn(path: Path, classes: int = 91, favourite: int = 1) -> Path:
    """Mask R-CNN with random weights, in half precision, that takes whatever it proposes for class ``favourite``."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    torch.manual_seed(0)
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=classes)
    model.roi_heads.box_predictor.cls_score.bias.data[favourite] = 12.0
    torch.save(
        {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}, path
    )
    return path
