"""A trainable twin of the host's CLIP text model (which adds in place and so stops gradients).

The first lesson teaches every word what it means here and which object it speaks of: the denoiser
then starts from words rather than from noise. It names senses by context ("an orange circle", "an orange")
but leaves it to the denoiser to bind attributes to objects.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from ..model import TEXT_CONFIG
from ..scenes import Caption, caption_words
from ..vocabulary import BACKGROUNDS, COLOURS, NEW_WORDS, OBJECTS, PATTERNS, SIZES

log = logging.getLogger("selagg.demo.train")

FILLERS = (
    *("a", "an", "the", "and", "next", "to", "on", "in", "at", "of", "with", ",", ".", ":"),
    *(
        "left",
        "right",
        "above",
        "below",
        "top",
        "bottom",
        "center",
        "background",
        "picture",
        "photo",
        "drawing",
    ),
)
BOS, EOS = 49406, 49407


class Layer(nn.Module):
    """One CLIP layer, parameters named as the host names them."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.layer_norm1 = nn.LayerNorm(width)
        self.self_attn = nn.ModuleDict({f"{n}_proj": nn.Linear(width, width) for n in ("q", "k", "v", "out")})
        self.layer_norm2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer_norm1(x)
        q, k, v = (
            self.self_attn[f"{n}_proj"](y).unflatten(-1, (self.heads, -1)).transpose(1, 2) for n in "qkv"
        )
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.self_attn["out_proj"](y.transpose(1, 2).flatten(2))
        y = self.mlp["fc1"](self.layer_norm2(x))
        return x + self.mlp["fc2"](y * torch.sigmoid(1.702 * y))


class TextEncoder(nn.Module):
    """Token ids (batch, 77) -> embeddings (batch, 77, width); knows only the ids in `tokens`."""

    def __init__(self, tokens: torch.Tensor) -> None:
        super().__init__()
        width = TEXT_CONFIG["hidden_size"]
        self.register_buffer("tokens", tokens, persistent=False)
        embeddings = {
            "token_embedding": nn.Embedding(len(tokens), width),
            "position_embedding": nn.Embedding(77, width),
        }
        layers = [
            Layer(width, TEXT_CONFIG["num_attention_heads"], TEXT_CONFIG["intermediate_size"])
            for _ in range(TEXT_CONFIG["num_hidden_layers"])
        ]
        self.text_model = nn.ModuleDict(
            {
                "embeddings": nn.ModuleDict(embeddings),
                "encoder": nn.ModuleDict({"layers": nn.ModuleList(layers)}),
                "final_layer_norm": nn.LayerNorm(width),
            }
        )
        for table in embeddings.values():
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        rows = torch.searchsorted(self.tokens, ids)
        table = self.text_model["embeddings"]
        x = table["token_embedding"](rows) + table["position_embedding"].weight[: ids.shape[1]]
        for layer in self.text_model["encoder"]["layers"]:
            x = layer(x)
        return self.text_model["final_layer_norm"](x)


class CaptionTokenizer:
    """Captions -> CLIP ids, by a table of words (CLIP's BPE never joins words), as the host's tokenizer.

    world: whose words it knows; the hard world has all of the plain one's.
    """

    def __init__(self, world: str = "plain") -> None:
        from comfy.sd1_clip import SD1Tokenizer

        host = SD1Tokenizer()
        words = {*OBJECTS, *COLOURS, *PATTERNS, *SIZES, *BACKGROUNDS, *FILLERS}
        if world == "hard":
            words |= set(NEW_WORDS)
        self.pieces = {w: [t for t, _ in host.tokenize_with_weights(w)["l"][0] if t < BOS] for w in words}
        self.tokens = torch.tensor(sorted({t for ids in self.pieces.values() for t in ids} | {BOS, EOS}))

    def encode(self, caption: Caption) -> tuple[list[int], list[tuple[int, int]]]:
        """The 77 ids, and for each word of `caption_words` its span of columns [start, end)."""
        ids, spans = [BOS], []
        for word in caption.text.replace(",", " ,").split():
            start = len(ids)
            ids += self.pieces[word]
            if word != ",":
                spans.append((start, len(ids)))
        if len(spans) != len(caption_words(caption.text)) or len(ids) > 76:
            raise ValueError(f"This caption does not fit the demo tokenizer: {caption.text!r}")
        return ids + [EOS] * (77 - len(ids)), spans


def grown_embedding(rows: torch.Tensor, known: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """(tokens, width): rows of the `known` ids, in the order of `tokens`; new ones near the mean."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(tokens), rows.shape[1], generator=generator)
    grown = rows.mean(0) + 0.5 * rows.std(0) * noise
    grown[torch.searchsorted(tokens, known)] = rows
    return grown


def _meanings() -> dict[tuple[str, str], int]:
    kinds = {
        "object": OBJECTS,
        "colour": COLOURS,
        "pattern": PATTERNS,
        "size": SIZES,
        "background": BACKGROUNDS,
    }
    pairs = [(kind, value) for kind, values in kinds.items() for value in values]
    return {pair: index for index, pair in enumerate(pairs)}


def first_lesson(
    encoder: TextEncoder, tokenizer: CaptionTokenizer, captions: Iterable[list[Caption]]
) -> float:
    """Trains `encoder` on batches of captions; gives the share of words read in their sense at the end."""
    meanings = _meanings()
    width = TEXT_CONFIG["hidden_size"]
    reader = nn.ModuleDict({"meaning": nn.Linear(width, len(meanings)), "subject": nn.Linear(width, 4)})
    weights = [*encoder.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=2e-3, weight_decay=0.01)
    right = 0.0
    for step, batch in enumerate(captions):
        ids, rows, columns, senses, subjects = [], [], [], [], []
        for row, caption in enumerate(batch):
            tokens, spans = tokenizer.encode(caption)
            ids.append(tokens)
            for claim in caption.claims:
                if (claim.kind, claim.value) in meanings:
                    rows.append(row)
                    columns.append(spans[claim.words[-1]][1] - 1)
                    senses.append(meanings[claim.kind, claim.value])
                    subjects.append(3 if claim.subject is None else claim.subject)
        length = int(max(columns)) + 1
        hidden = encoder(torch.tensor(ids)[:, :length])[rows, columns]
        senses_seen = reader["meaning"](hidden)
        loss = nn.functional.cross_entropy(senses_seen, torch.tensor(senses))
        loss = loss + nn.functional.cross_entropy(reader["subject"](hidden), torch.tensor(subjects))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right = (senses_seen.argmax(1).numpy() == np.array(senses)).mean()
        if step % 50 == 49:
            log.info("text %d  loss %.3f  senses right %.3f", step + 1, loss.item(), right)
    return float(right)
