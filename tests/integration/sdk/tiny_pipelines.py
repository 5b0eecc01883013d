# SPDX-License-Identifier: Apache-2.0
"""Pipelines of diffusers with a few thousand random weights: built in memory, always the same, nothing downloaded."""

from functools import cache
from typing import Any

import diffusers
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

# Both libraries make their names at the first use, which a type checker cannot follow.
parts: Any = diffusers
encoders: Any = transformers

WORDS = ("a", "red", "fox", "runs", "through", "snow", "blurry")


def unconditional() -> Any:
    """Pixels from noise: no prompt, no VAE, and no callback for its steps."""
    return _quiet(parts.DDPMPipeline(unet=_pixel_unet(), scheduler=parts.DDPMScheduler(num_train_timesteps=20)))


def text_to_image() -> Any:
    """The classical pipeline: CLIP, a UNet that attends to it, a VAE."""
    made = parts.StableDiffusionPipeline(
        vae=_image_vae(),
        text_encoder=_clip(),
        tokenizer=_tokenizer(16),
        unet=_latent_unet(),
        scheduler=parts.DDIMScheduler(num_train_timesteps=20, clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return _quiet(made)


def text_to_video() -> Any:
    """A transformer over space and time, with a video VAE that makes four frames of a latent one."""
    made = parts.WanPipeline(
        tokenizer=_tokenizer(16),
        text_encoder=_umt5(),
        transformer=_video_transformer(),
        vae=_video_vae(),
        scheduler=parts.FlowMatchEulerDiscreteScheduler(shift=7.0),
    )
    return _quiet(made)


def animation() -> Any:
    """The parts of `text_to_image` with motion between them: decodes in chunks, and can sample several times."""
    still = text_to_image()
    motion = parts.MotionAdapter(
        block_out_channels=(8, 16), motion_layers_per_block=1, motion_norm_num_groups=4, motion_num_attention_heads=4
    )
    made = parts.AnimateDiffPipeline(
        vae=still.vae,
        text_encoder=still.text_encoder,
        tokenizer=still.tokenizer,
        unet=still.unet,
        scheduler=still.scheduler,
        motion_adapter=motion,
    )
    return _quiet(made)


def seeded(seed: int = 7) -> torch.Generator:
    """Give randomness that is the same each time."""
    return torch.Generator("cpu").manual_seed(seed)


def _quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _tokenizer(length: int) -> Any:
    vocabulary = {word: number for number, word in enumerate(("<pad>", "<s>", "</s>", "<unk>", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return encoders.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=length,
    )


@cache
def _pixel_unet() -> Any:
    torch.manual_seed(0)
    return parts.UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    ).eval()


@cache
def _latent_unet() -> Any:
    torch.manual_seed(0)
    return parts.UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
    ).eval()


@cache
def _image_vae() -> Any:
    torch.manual_seed(0)
    return parts.AutoencoderKL(
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        latent_channels=4,
    ).eval()


@cache
def _clip() -> Any:
    torch.manual_seed(0)
    config = encoders.CLIPTextConfig(
        vocab_size=16,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return encoders.CLIPTextModel(config).eval()


@cache
def _umt5() -> Any:
    torch.manual_seed(0)
    config = encoders.UMT5Config(
        vocab_size=16, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, pad_token_id=0, eos_token_id=2
    )
    return encoders.UMT5EncoderModel(config).eval()


@cache
def _video_transformer() -> Any:
    torch.manual_seed(0)
    return parts.WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=16,
        freq_dim=16,
        ffn_dim=16,
        num_layers=1,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    ).eval()


@cache
def _video_vae() -> Any:
    torch.manual_seed(0)
    return parts.AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    ).eval()
