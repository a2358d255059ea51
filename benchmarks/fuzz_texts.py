"""Texts as nobody means them: prompts, claims, boxes, names, made of pieces that break programs.

A grammar of its own, with a generator of random numbers and nothing else: tags, weights, escapes, brackets,
embeddings, schedules, other scripts, control characters, writing from right to left, emoji, lone halves of
surrogates, huge numbers, deep nesting, and ordinary sentences between them.
"""

from __future__ import annotations

import random

NOUNS = (
    "cat", "dog", "circle", "star", "square", "boy", "girl", "robot", "teapot", "lighthouse", "violin",
    "cactus",
    "crane", "orange", "bat",
)  # fmt: skip
ADJECTIVES = (
    "red", "blue", "striped", "wooden", "huge", "tiny", "shiny", "old", "mint", "glowing", "furry",
    "light-blue",
)  # fmt: skip
RELATIONS = (
    "left of", "right of", "above", "below", "next to", "on top of", "behind", "in front of", "holding",
    "with", "without", "and", "but no", "inside", "between", "to the left of", "wearing", "on", "of",
    "of the",
)  # fmt: skip
PLACES = ("top left", "bottom", "in the upper right corner", "centre", "left", "middle", "on the left side")
TAGS = (
    "1girl", "2boys", "masterpiece", "best quality", "8k uhd", "35mm", "f/1.8", "score_9_up", "solo",
    "by someone_else", "looking at viewer", "(photorealistic)", "no humans", "depth of field", "1990s",
    "BREAK",
    "AND", "1.5x", "ps5", "@handle", "#tag", "rating:safe", "x_x", ":3", "o_o", "^_^", "-", "--ar 16:9",
)  # fmt: skip
SYNTAX = (
    "<lora:detail:0.8>", "embedding:style", "(embedding:style:1.2)", "embedding:a/b.pt", "embedding:",
    "[cat:dog:0.5]", "[cat|dog]", "{red|blue} star", "__colour__", "[cat::0.3]", "(cat:dog:1.2)", "cat:1.2",
    "\\(cat\\)", "\\\\", "\\", "(:1.2)", "(cat:)", "()", "(()", "))", "((cat", "cat))", "(cat:1e9)",
    "(cat:nan)",
    "(cat:inf)", "(cat:-1)", "(cat:0)", "(cat:.5)", "(cat:+1.5)", "(cat:1.2.3)", "(cat :1.2)", "(cat: 1.2 )",
    "(dog:0x10)", "(dog:1_000)", "(dog:\u0661)", "[SEP=1]", "STYLE(A1111)", "COUPLE(0 0.5) cat", "FILL()",
)  # fmt: skip
OTHER = (
    "\u7ea2\u8272\u7684\u732b", "\u8d64\u3044\u661f\u3001\u9752\u3044\u5186",
    "\ube68\uac04 \uace0\uc591\uc774",
    "\u043a\u0440\u0430\u0441\u043d\u0430\u044f \u043a\u043e\u0448\u043a\u0430", "\u05d7\u05ea\u05d5\u05dc",
    "\u0642\u0637\u0629 \u062d\u0645\u0631\u0627\u0621",
    "\u0932\u093e\u0932 \u092c\u093f\u0932\u094d\u0932\u0940",
    "\u0e41\u0e21\u0e27\u0e2a\u0e35\u0e41\u0e14\u0e07", "\u03b3\u03ac\u03c4\u03b1",
    "stra\u00dfe \u00c6r\u00f8",
    "\u0130stanbul", "\ufb01sh", "\u1e9e", "e\u0301te\u0301", "\u01c5", "\uff43\uff41\uff54",
    "\u2160\u2161\u2162",
    "eine rote Katze links von einem Hund", "un chat rouge \u00e0 c\u00f4t\u00e9", "\u1100\u1161\u11a8",
)  # fmt: skip
ODD = (
    "\0", "\x07", "\x08", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u2029", "\ufeff", "\u200b", "\u200d",
    "\u00ad",
    "\u202e", "\u202d", "\u2066", "\u200f", "\ud83d", "\udc00", "\ud83d\ud83d", "\ufffd", "\uffff",
    "\U0010ffff",
    "\U0001f63a", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f",
    "a" + "\u0301" * 40,
    "\U000e0041\U000e007f", "\u3000", "\u00a0", "\t", "\r", "\r\n", "\x0b", "\x0c", "\u115f",
    "\U0001d51e\U0001d51f",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "1", "2", "007", "3.14", "1e5", "1e999", "-1e999", "nan", "inf", "9" * 310,
    "0." + "0" * 300 + "1",
    "\u0662\u0663", "\u00bd", "\u00b2", "\u2167", "1,000", "1 000", "12:30", "50%", "%",
    "99999999999999999999",
    "0x7f", "1/0", "ten", "a dozen", "two hundred", "\u4e09", "\U0001d7d8",
)  # fmt: skip
MARKS = (
    ",", ", ", ".", ";", ":", "\uff0c", "\uff1a", "\u3001", " ", "\n", "\n\n", "  ", "!", "?", "...",
    "\u2014", "'",
    "\u2019", '"', "\u201c", "|", "&", "=", ">", "<", "+", "*", "/", "\\", "~", "`", "^", "_", "{", "}",
    "[", "]", "(",
    ")", "#", "$", "%", "@",
)  # fmt: skip
MARKUP = (
    "<script>alert(1)</script>", "</textarea>", "&amp;", "<!--", "]]>", "../../etc/passwd", "C:\\con",
    "%00", "%s%n",
    "${x}", "{{7*7}}", "'; DROP TABLE x;--", '{"a": [1, null]}', "\\u0041", "__import__('os')",
    "javascript:1",
)  # fmt: skip
PLAIN, WILD = 0.6, 0.12
"""Share of texts without any damage; chance of a piece that is none of language."""


class Texts:
    """Makes hostile texts from a generator of random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    # -- prompts -------------------------------------------------------------------------------------------

    def prompt(self) -> str:
        """A prompt of a few to some thousand words."""
        text = self._joined(self._length())
        if self.rng.random() < 0.01:
            text = (text + self.rng.choice(MARKS)) * self.rng.choice((10, 50, 200))
            text = text[:40_000]
        return text if self.rng.random() < PLAIN else self.damaged(text)

    def _length(self) -> int:
        return self.rng.choices((0, 1, 3, 8, 20), (1, 6, 20, 12, 3))[0]

    def _joined(self, parts: int) -> str:
        glue = self.rng.choice((", ", ". ", " ", "\n", ","))
        pieces = [self._part(self.rng.choice((0, 0, 1, 2))) for _ in range(parts)]
        return "".join(p + (glue if self.rng.random() < 0.9 else self.rng.choice(MARKS)) for p in pieces)

    def _part(self, depth: int) -> str:
        chance = self.rng.random()
        if chance < WILD:
            return self.rng.choice(self.rng.choice((ODD, NUMBERS, MARKS, MARKUP, OTHER)))
        if chance < 0.3:
            return self.rng.choice(TAGS)
        if chance < 0.4:
            return self.rng.choice(SYNTAX)
        if depth and chance < 0.55:
            return self._weighted(self._part(depth - 1))
        return self._sentence()

    def _weighted(self, text: str) -> str:
        weight = self.rng.choice((f"{self.rng.uniform(-1, 2):.2f}", self.rng.choice(NUMBERS), ""))
        chance = self.rng.random()
        if chance < 0.02:
            depth = self.rng.choice((20, 90, 300))
            return "(" * depth + text + ")" * self.rng.choice((depth, depth - 1, depth + 1))
        if chance < 0.2:
            return self.rng.choice(("(({}))", "[{}]", "{{{}}}", "({}", "{})")).format(text)
        return f"({text}:{weight})"

    def _sentence(self) -> str:
        text = self._thing()
        while self.rng.random() < 0.5:
            text += f" {self.rng.choice(RELATIONS)} {self._thing()}"
        if self.rng.random() < 0.1:
            text += f" {self.rng.choice(PLACES)}"
        return text

    def _thing(self) -> str:
        chosen = self.rng.choice
        count = chosen(("a", "a", "the", "", "two", "3", chosen(NUMBERS)))
        adjectives = " ".join(chosen(ADJECTIVES) for _ in range(chosen((0, 1, 1, 2))))
        return " ".join(
            part for part in (count, adjectives, chosen(NOUNS) + chosen(("", "", "s", "'s"))) if part
        )

    def damaged(self, text: str) -> str:
        """The text with some characters taken out, put in, doubled or exchanged."""
        marks = list(text)
        for _ in range(self.rng.choice((1, 1, 2, 5, 20))):
            at = self.rng.randrange(len(marks) + 1)
            chance = self.rng.random()
            if chance < 0.6:
                marks.insert(at, self.rng.choice(self.rng.choice((ODD, MARKS, MARKS, NUMBERS, SYNTAX))))
            elif chance < 0.8:
                del marks[at : at + self.rng.choice((1, 1, 10))]
            elif chance < 0.9:
                marks[at:at] = marks[at : at + 10] * self.rng.choice((1, 3))
            else:
                marks.insert(
                    at, chr(self.rng.choice((self.rng.randrange(0x250), self.rng.randrange(0x110000))))
                )
        return "".join(marks)

    # -- fields of nodes -----------------------------------------------------------------------------------

    def claims(self, prompt: str) -> str:
        """Lines as an artist writes what he means, about words of the prompt and others."""
        lines = [self._claim(prompt) for _ in range(self.rng.choice((0, 1, 1, 2, 4, 8)))]
        if self.rng.random() < 0.005:
            lines *= 200
        text = self.rng.choice(("\n", "\n", "; ", "\r\n")).join(lines)
        return text if self.rng.random() < PLAIN else self.damaged(text)

    def _claim(self, prompt: str) -> str:
        one, other = self.word_of(prompt), self.word_of(prompt)
        forms = (
            f"{one} > {other}", f"{one} {self.rng.choice(RELATIONS)} {other}",
            f"{one}: {self.rng.choice(PLACES)}",
            f"{one} = Color", f"{one} = {other}", f"{one}=Color+Animals", f"ignore: {one}, {other}",
            f"thing: {one}",
            f"{one}: {self.box()}", f"{one} ({self.rng.choice(NUMBERS)}) > {other}", self.prompt(),
            self.rng.choice(("ignore:", "thing:", ">", "=", ": left", "cat >", "> cat", "cat left of")),
        )  # fmt: skip
        return self.rng.choice(forms)

    def word_of(self, prompt: str) -> str:
        """A word or phrase of a prompt, or one that is not in it."""
        words = prompt.split()
        if words and self.rng.random() < 0.8:
            at = self.rng.randrange(len(words))
            text = " ".join(words[at : at + self.rng.choice((1, 1, 2, 3))])
            return text.strip(",.") if self.rng.random() < 0.8 else text
        return self.rng.choice((self.rng.choice(NOUNS), self.rng.choice(OTHER), self._part(1)))

    def words(self, prompt: str) -> str:
        """A list of words."""
        chance = self.rng.random()
        if chance < 0.2:
            return self.rng.choice(("all", "", "ALL", " all ", "all, all"))
        names = [self.word_of(prompt) for _ in range(self.rng.choice((1, 1, 2, 5)))]
        if chance < 0.4:
            names.append(f"{names[0]} ({self.rng.choice(NUMBERS)})")
        return self.rng.choice((",", ", ", "\n", "\uff0c", "\u3001")).join(names)

    def box(self) -> str:
        """Four numbers, or nearly."""
        parts = [
            self.rng.choice(
                (f"{self.rng.uniform(-10, 600):.4g}", f"{self.rng.randrange(120)}%", self.rng.choice(NUMBERS))
            )
            for _ in range(self.rng.choice((4, 4, 4, 4, 3, 5, 0)))
        ]
        return self.rng.choice((", ", ",", "\uff0c", " ")).join(parts)

    def boxes(self, prompt: str) -> str:
        """Lines of boxes."""
        lines = [f"{self.word_of(prompt)}: {self.box()}" for _ in range(self.rng.choice((0, 1, 1, 2, 5)))]
        text = "\n".join(lines)
        return text if self.rng.random() < PLAIN else self.damaged(text)

    def overrides(self, prompt: str) -> str:
        """What words mean: word=Concept."""
        names = ("Color", "color", "Animals", "all", "Nothing", self.rng.choice(OTHER))
        parts = [
            f"{self.word_of(prompt)}={self.rng.choice(names)}" for _ in range(self.rng.choice((0, 1, 2, 4)))
        ]
        text = ", ".join(parts)
        return text if self.rng.random() < PLAIN else self.damaged(text)

    def name(self) -> str:
        """The name of a file or folder."""
        names = (
            "x", "", " ", ".", "..", "../x", "/etc/passwd", "C:\\x", "con", "NUL.txt", "a/b", "a\\b",
            "x" * 300,
            "\u732b" * 120, "a\0b", "-rf", "~", "*", "?", "name.", " name ", "x.safetensors", "\ud83d",
            "%2e%2e%2f",
            self.rng.choice(ODD), self.rng.choice(OTHER), self._part(1),
        )  # fmt: skip
        return self.rng.choice(names)
