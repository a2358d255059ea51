"""The part of a prompt that the host encodes: its syntax of weights, escapes and brackets taken off.

Follows ComfyUI's `comfy/sd1_clip.py` (parse_parentheses, token_weights, escape_important): a weight is what
stands after the last colon of a closed bracket, if it is a number.
"""

from __future__ import annotations

import re

LONGEST_WEIGHT = 64
"""Characters of a weight at most; float() of longer ones takes long."""
_ESCAPES = re.compile(r"\\[()]")


def hidden_spans(text: str) -> list[tuple[int, int]]:
    """Spans (start, stop) of the weights in a text, in order: the host encodes none of these characters."""
    plain = _ESCAPES.sub("\0\0", text)
    opened: list[tuple[int, int]] = []  # where a bracket opened, and the last colon in it
    hidden: list[tuple[int, int]] = []
    below = 0  # brackets that were closed without being open: the host counts them
    for at, mark in enumerate(plain):
        if mark == "(":
            if below:
                below -= 1
            else:
                opened.append((at, -1))
        elif mark == ":" and opened:
            opened[-1] = (opened[-1][0], at)
        elif mark == ")":
            if not opened:
                below += 1
                continue
            start, colon = opened.pop()
            if colon > start + 1 and _is_weight(plain[colon + 1 : at]):
                hidden.append((colon, at))
            elif opened and colon > opened[-1][1]:
                opened[-1] = (opened[-1][0], colon)
    if opened and not plain.endswith(")"):  # the host reads what stands in an open bracket as it is
        hidden = [span for span in hidden if span[0] < opened[0][0]]
    return hidden


def _is_weight(text: str) -> bool:
    if not text or len(text) > LONGEST_WEIGHT:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
