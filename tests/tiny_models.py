"""Checkpoints of the real classes, small enough to make in a test, saved where the engines load them from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

torch.set_num_threads(1)  # waiting threads cost more than they bring on networks this small


def stable_diffusion(folder: Path, checker: bool = False) -> Path:
    """A Stable Diffusion inpainting checkpoint with random weights, for tiles of 64 pixels.

    With a safety ``checker``, it is one that takes offence at everything.
    """
    from diffusers import StableDiffusionInpaintPipeline
    from transformers import CLIPImageProcessor, CLIPTextModel

    torch.manual_seed(0)
    pipeline = StableDiffusionInpaintPipeline(
        vae=_autoencoder(),
        text_encoder=CLIPTextModel(_text_config()),
        tokenizer=_tokenizer(folder.parent / f"{folder.name}-tokenizer"),
        unet=_unet(cross_attention_dim=16),
        scheduler=_scheduler(),
        safety_checker=_prude() if checker else None,
        feature_extractor=CLIPImageProcessor(size=32, crop_size=32) if checker else None,
        requires_safety_checker=checker,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def stable_diffusion_xl(folder: Path) -> Path:
    """The same for Stable Diffusion XL: two text encoders, and a UNet that is told the picture's size."""
    from diffusers import StableDiffusionXLInpaintPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    tokenizer = _tokenizer(folder.parent / f"{folder.name}-tokenizer")
    unet = _unet(
        cross_attention_dim=32,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=6 * 4 + 16,
    )
    pipeline = StableDiffusionXLInpaintPipeline(
        vae=_autoencoder(),
        text_encoder=CLIPTextModel(_text_config()),
        text_encoder_2=CLIPTextModelWithProjection(_text_config(projection_dim=16)),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=_scheduler(),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def stable_diffusion_3(folder: Path) -> Path:
    """Stable Diffusion 3 as it is published, for text to pictures: a transformer, three text encoders."""
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import CLIPTextModelWithProjection

    torch.manual_seed(0)
    clip, t5 = _tokenizer(folder.parent / f"{folder.name}-tokenizer"), _t5_tokenizer()
    pipeline = StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=16,
            out_channels=16,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            caption_projection_dim=16,
            pooled_projection_dim=32,
            pos_embed_max_size=16,
        ),
        vae=_autoencoder(latent_channels=16, shift_factor=0.1),
        text_encoder=CLIPTextModelWithProjection(_text_config(projection_dim=16)),
        text_encoder_2=CLIPTextModelWithProjection(_text_config(projection_dim=16)),
        text_encoder_3=_t5(),
        tokenizer=clip,
        tokenizer_2=clip,
        tokenizer_3=t5,
        scheduler=_flow(shift=3.0),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def flux_fill(folder: Path) -> Path:
    """FLUX.1 Fill: a transformer that sees the mask and is told the guidance, two text encoders."""
    from diffusers import FluxFillPipeline, FluxTransformer2DModel
    from transformers import CLIPTextModel

    torch.manual_seed(0)
    pipeline = FluxFillPipeline(
        transformer=FluxTransformer2DModel(
            in_channels=2 * 64 + 4 * 64,
            out_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=16,
            guidance_embeds=True,
            axes_dims_rope=(2, 2, 4),
        ),
        vae=_autoencoder(latent_channels=16, shift_factor=0.1),
        text_encoder=CLIPTextModel(_text_config()),
        text_encoder_2=_t5(),
        tokenizer=_tokenizer(folder.parent / f"{folder.name}-tokenizer"),
        tokenizer_2=_t5_tokenizer(),
        scheduler=_flow(shift=3.0, use_dynamic_shifting=True),
    )
    # 512 tokens of text are most of the work, and T5's are counted by the pipeline, not by its tokenizer.
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def qwen_image(folder: Path) -> Path:
    """Qwen-Image as it is published, for text to pictures: a video's autoencoder, a language model that reads."""
    from diffusers import AutoencoderKLQwenImage, QwenImagePipeline, QwenImageTransformer2DModel

    torch.manual_seed(0)
    pipeline = QwenImagePipeline(
        transformer=QwenImageTransformer2DModel(
            in_channels=64,
            out_channels=16,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=16,
            axes_dims_rope=(2, 2, 4),
        ),
        vae=AutoencoderKLQwenImage(base_dim=8, dim_mult=[1, 1, 1, 1], num_res_blocks=1),
        text_encoder=_qwen(),
        tokenizer=_qwen_tokenizer(),
        scheduler=_flow(use_dynamic_shifting=True),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def lora(checkpoint: Path, path: Path) -> Path:
    """Random low-rank weights for the UNet of a ``checkpoint``, as LCM's come: .safetensors in diffusers' naming."""
    from diffusers import StableDiffusionInpaintPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    torch.manual_seed(1)
    unet = StableDiffusionInpaintPipeline.from_pretrained(checkpoint, safety_checker=None).unet
    unet.add_adapter(LoraConfig(r=4, target_modules=["to_q", "to_v"], init_lora_weights=False))
    layers = get_peft_model_state_dict(unet)
    StableDiffusionInpaintPipeline.save_lora_weights(path.parent, unet_lora_layers=layers, weight_name=path.name)
    return path


def _unet(**special: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        in_channels=9,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
        **special,
    )


def _autoencoder(**special: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        **{"latent_channels": 4, **special},
    )


def _scheduler() -> Any:
    from diffusers import PNDMScheduler

    return PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1)


def _flow(**special: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**special)


def _t5() -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(vocab_size=260, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2, is_encoder_decoder=False)
    )


def _t5_tokenizer() -> Any:
    """T5's tokenizer with printable letters alone for a vocabulary."""
    from transformers import T5Tokenizer

    letters = [chr(i) for i in range(33, 127)]
    words = ["<pad>", "</s>", "<unk>", "\u2581", *letters, *(f"<extra_id_{i}>" for i in range(99, -1, -1))]
    return T5Tokenizer(vocab=[(word, -2.0 if len(word) == 1 else 0.0) for word in words])


def _qwen() -> Any:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    text = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "vocab_size": 260,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
    }
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))


def _qwen_tokenizer() -> Any:
    """Qwen's tokenizer with the bytes alone for a vocabulary."""
    from transformers import Qwen2Tokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    words = [*bytes_to_unicode().values(), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return Qwen2Tokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[])


def _text_config(**special: Any) -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        vocab_size=514,
        max_position_embeddings=77,
        eos_token_id=513,
        **special,
    )


def _prude() -> Any:
    """A safety checker whose every concept is found in every picture."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPVisionConfig

    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16
    )
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision.to_dict(), projection_dim=16))
    checker.concept_embeds_weights.data.fill_(-2.0)
    return checker


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
