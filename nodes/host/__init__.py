"""Every difference between ComfyUI hosts, in one place.

Upstream ComfyUI (2025 and later) has wrappers around sampling (`comfy.patcher_extension`); the host that
installs from a package registry (`comfyui==0.0.1`, mid-2024) has none, and gets the same hooks through one
class method and one module function.  Both paths call the same `SamplingHooks`.
"""

from .attention import (
    attention,
    is_attention_exchanged,
    is_host_attention,
    is_stock_attention,
    is_torch_attention,
)
from .hooks import BatchHooks, ModelCall, SamplingHooks, SamplingRun
from .judges import SINCE as JUDGES_SINCE
from .judges import Detection, ask, detect, missing_judge
from .models import (
    denoised_latent,
    diffusion_model,
    is_compiled_without_guards,
    model_name,
    noised,
    sigmas_between,
)
from .places import (
    Progress,
    embeds_workflows,
    executing,
    is_interruption,
    node_classes,
    on_queued,
    output_directory,
    progress_bar,
    relevance_directory,
    server_routes,
    stop_if_interrupted,
    temp_directory,
)
from .sampling import empty_latent, evaluate, on_sampling, sample_new, sample_part, sampling_handlers
from .text import (
    CLIP_NAMES,
    TokenStream,
    encode_text,
    encode_tokens,
    encoder_names,
    is_token,
    token_streams,
    tokens_of,
    widths_side_by_side,
)
from .windows import window_frames

__all__ = [
    "CLIP_NAMES",
    "JUDGES_SINCE",
    "BatchHooks",
    "Detection",
    "ModelCall",
    "Progress",
    "SamplingHooks",
    "SamplingRun",
    "TokenStream",
    "ask",
    "attention",
    "denoised_latent",
    "detect",
    "diffusion_model",
    "embeds_workflows",
    "encode_text",
    "encode_tokens",
    "encoder_names",
    "empty_latent",
    "evaluate",
    "executing",
    "is_attention_exchanged",
    "is_compiled_without_guards",
    "is_host_attention",
    "is_interruption",
    "is_stock_attention",
    "is_token",
    "is_torch_attention",
    "missing_judge",
    "model_name",
    "node_classes",
    "noised",
    "on_queued",
    "on_sampling",
    "output_directory",
    "progress_bar",
    "relevance_directory",
    "sample_new",
    "sample_part",
    "sampling_handlers",
    "server_routes",
    "sigmas_between",
    "stop_if_interrupted",
    "temp_directory",
    "token_streams",
    "tokens_of",
    "widths_side_by_side",
    "window_frames",
]
