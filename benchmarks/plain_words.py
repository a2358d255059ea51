"""A stand-in for the host's tokenizer: words as CLIP splits a text, a column for each piece."""

from __future__ import annotations

from selagg_core.prompt.word_places import text_pieces
from selagg_core.prompt.words import CHUNK, Prompt, Word, is_word

_PER_CHUNK = CHUNK - 2


def plain_prompt(text: str) -> Prompt:
    """The words of a text. Weights and the brackets about them have no column, marks have one."""
    pieces = [piece for piece in text_pieces(text) if not piece.hidden and piece.text.strip("()\\")]
    words, special = [], []
    for number, piece in enumerate(pieces):
        chunk, place = divmod(number, _PER_CHUNK)
        if is_word(piece.text):
            words.append(Word(piece.text, (chunk * CHUNK + 1 + place,)))
    chunks = max(1, -(-len(pieces) // _PER_CHUNK))
    for chunk in range(chunks):
        special += [chunk * CHUNK, chunk * CHUNK + CHUNK - 1]
    return Prompt(text, tuple(words), CHUNK * chunks, tuple(special))
