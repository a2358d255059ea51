"""The word class of each token of a prompt, from the table of English words and the words beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ...prompt.word_table import verb_bases
from . import closed_classes, thing_words, verb_words
from .text_layer import BREAK, MUTE, NUMBER, Token
from .vocabulary import Thing, Vocabulary

LONGEST_NAME = 3
"""Words of a name at most."""


class Tag(Enum):
    """Word classes, as far as the reading tells them apart."""

    DETERMINER = "determiner"
    POSSESSIVE = "possessive"
    OWNER = "owner"  # "the dog's"
    NUMBER = "number"
    ADJECTIVE = "adjective"
    NOUN = "noun"
    NAME = "name"  # a word of a name of several words, but the last
    VERB = "verb"
    DOING = "doing"  # "sitting"
    DONE = "done"  # "surrounded"
    ADVERB = "adverb"
    PREPOSITION = "preposition"
    CONJUNCTION = "conjunction"
    RELATIVE = "relative"
    PRONOUN = "pronoun"
    COPULA = "copula"
    BREAK = "break"
    MUTE = "mute"
    UNKNOWN = "unknown"


_CLOSED = (
    (closed_classes.POSSESSIVES, Tag.POSSESSIVE),
    (closed_classes.DETERMINERS, Tag.DETERMINER),
    (frozenset(closed_classes.NUMBERS), Tag.NUMBER),
    (closed_classes.COPULAS, Tag.COPULA),
    (closed_classes.PRONOUNS, Tag.PRONOUN),
    (closed_classes.RELATIVES, Tag.RELATIVE),
    (closed_classes.CONJUNCTIONS, Tag.CONJUNCTION),
    (closed_classes.PREPOSITIONS, Tag.PREPOSITION),
    (closed_classes.NEGATIONS, Tag.DETERMINER),
    (closed_classes.ADVERBS | closed_classes.MODALS, Tag.ADVERB),
    (closed_classes.AUXILIARIES, Tag.VERB),
)
_TAG_OF = {word: tag for words, tag in reversed(_CLOSED) for word in words}
_SHORT_COPULAS = frozenset(("it's", "that's", "there's", "he's", "she's", "what's", "here's", "let's"))
_BEFORE_NOUN = frozenset((Tag.DETERMINER, Tag.POSSESSIVE, Tag.OWNER, Tag.NUMBER, Tag.ADJECTIVE))
_BEFORE_PEOPLE = frozenset(("by", "and", "of", "&"))
_SELDOM = 3
"""Words as usual as that, or less, can be somebody's name."""
_SUBJECTS = frozenset((Tag.NOUN, Tag.PRONOUN, Tag.RELATIVE))


@dataclass(frozen=True)
class Tagged:
    """A token, its class, and the concepts that it has as a value."""

    token: Token
    tag: Tag
    value: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.token.text


def tag_tokens(found: Sequence[Token], vocabulary: Vocabulary) -> list[Tagged]:
    """Each token with its class."""
    return _Tagger(found, vocabulary).tag()


class _Tagger:
    def __init__(self, found: Sequence[Token], vocabulary: Vocabulary) -> None:
        self.found, self.vocabulary = found, vocabulary
        self.done: list[Tagged] = []

    def tag(self) -> list[Tagged]:
        while len(self.done) < len(self.found):
            at = len(self.done)
            if self._is_long_value(at):
                self.done += [self._as_value(at), self._as_value(at + 1)]
                continue
            if length := self._person_length(at):
                self.done += [Tagged(token, Tag.UNKNOWN) for token in self.found[at : at + length]]
                continue
            for _ in range(self._name_length(at) - 1):
                self.done.append(Tagged(self.found[len(self.done)], Tag.NAME))
            if len(self.done) > at:
                self.done.append(Tagged(self.found[len(self.done)], Tag.NOUN))
            else:
                self.done.append(self._tagged(at))
        return self.done

    def _tagged(self, at: int) -> Tagged:
        token = self.found[at]
        tag = self._tag(at)
        value = self.vocabulary.value(token.text) if tag in (Tag.ADJECTIVE, Tag.NOUN) else ()
        return Tagged(token, tag, value)

    def _person_length(self, at: int) -> int:
        """How many tokens from here on name somebody ("james jean"); 0 for none."""
        if not self._is_given(at) or self._before(at) in (*_BEFORE_NOUN, Tag.NOUN):
            return 0
        if self._is_open(at + 1) and not self._is_open(at + 2):
            alone = at == 0 or self.done[at - 1].tag is Tag.BREAK or self.done[at - 1].text in _BEFORE_PEOPLE
            if alone:
                return 2
        return 2 if self._is_given(at + 1) else 1

    def _is_given(self, at: int) -> bool:
        """Whether a word is a first name, and seldom anything else."""
        if not self._is_open(at):
            return False
        word = self.found[at].text
        use = self.vocabulary.use(word)
        seldom = max(use.noun, use.verb) <= _SELDOM and use.adj <= 1
        return use.given and seldom and word not in thing_words.THINGS and not self.vocabulary.is_listed(word)

    def _is_open(self, at: int) -> bool:
        return (
            at < len(self.found)
            and self.found[at].kind == "word"
            and self.found[at].text not in closed_classes.CLOSED
        )

    def _is_long_value(self, at: int) -> bool:
        """Whether two tokens are one value of what follows ("stainless steel shelving")."""
        pair = self.found[at : at + 2]
        words = [token.text for token in pair if token.kind == "word"]
        return len(words) == 2 and self.vocabulary.is_phrase_of_value(words) and self._may_name(at + 2)

    def _as_value(self, at: int) -> Tagged:
        token = self.found[at]
        return Tagged(token, Tag.ADJECTIVE, self.vocabulary.value(token.text))

    def _name_length(self, at: int) -> int:
        """How many tokens from here on are one name of a thing; 1 for none."""
        for length in range(LONGEST_NAME, 1, -1):
            part = self.found[at : at + length]
            if len(part) == length and all(t.kind == "word" for t in part):
                words = [t.text for t in part]
                if words[0].endswith("ing") and self._before(at) is Tag.NOUN:
                    return 1  # "men riding horses"
                if self.vocabulary.is_name(words) and self.vocabulary.thing(words):
                    return length
        return 1

    def _tag(self, at: int) -> Tag:
        token = self.found[at]
        word = token.text
        if token.kind in (BREAK, MUTE, NUMBER):
            return {BREAK: Tag.BREAK, MUTE: Tag.MUTE, NUMBER: Tag.NUMBER}[token.kind]
        if word in _SHORT_COPULAS:
            return Tag.COPULA
        if word.endswith("'s"):
            return Tag.OWNER
        if word in _TAG_OF and not self._noun_after_all(at):
            return _TAG_OF[word]
        return self._open(at, word)

    def _noun_after_all(self, at: int) -> bool:
        """A small word in the place of a noun ("a can", "a black top")."""
        return self.found[at].text in ("top", "can", "will") and self._before(at) in _BEFORE_NOUN

    def _open(self, at: int, word: str) -> Tag:
        use = self.vocabulary.use(word)
        noun = self._noun_weight(word)
        value = self.vocabulary.value(word)
        before, follows = self._before(at), self._may_name(at + 1)
        if word.endswith("ing") and use.verb and not (value and follows):
            return self._doing(word, noun, use.verb, before, follows)
        if self._speaker(at) in (*_SUBJECTS, Tag.UNKNOWN) and self._is_finite(at, word, noun):
            return Tag.VERB
        if self._is_participle(word, use) and not value:
            return Tag.ADJECTIVE if follows and before is not Tag.NOUN else Tag.DONE
        if value and not follows and self._is_participle(word, use):
            return Tag.ADJECTIVE
        if value and (follows or use.adj >= noun):
            return Tag.ADJECTIVE if not follows or self._is_value(at) else Tag.NOUN
        if not (use.known or noun):
            return self._compound(word)
        if use.adj > noun or (use.adj and follows and use.adj >= noun - 1):
            return Tag.ADJECTIVE
        if noun:
            return Tag.NOUN
        return Tag.VERB if use.verb else Tag.ADVERB

    def _doing(self, word: str, noun: int, verb: int, before: Tag | None, follows: bool) -> Tag:
        takes = word in verb_words.WEARING or word in verb_words.TRANSITIVE or word in verb_words.POSTURES
        if takes and before in _SUBJECTS:
            return Tag.DOING
        thing = self.vocabulary.thing((word,))
        if before in _BEFORE_NOUN:
            if follows and not (thing and noun >= verb):
                return Tag.ADJECTIVE
            return Tag.NOUN if noun else Tag.DOING
        if thing and noun + 2 >= verb:
            return Tag.NOUN
        starts = before is None or before is Tag.BREAK
        takes = word in verb_words.WEARING or word in verb_words.TRANSITIVE
        return Tag.ADJECTIVE if starts and follows and not takes else Tag.DOING

    def _speaker(self, at: int) -> Tag | None:
        """The class of the word before, adverbs aside: who does what a verb says."""
        while at and self.done[at - 1].tag is Tag.ADVERB:
            at -= 1
        return self._before(at)

    def _is_finite(self, at: int, word: str, noun: int) -> bool:
        """Whether a word after a noun or pronoun is its verb."""
        verb = self.vocabulary.use(word).verb
        if not verb:
            return False
        if self._speaker(at) is Tag.UNKNOWN:  # somebody whose name nothing knows
            known = word in verb_words.POSTURES or word in verb_words.WEARING
            return known and (self._place_follows(at) or self._object_follows(at))
        if self._speaker(at) is not Tag.NOUN:
            return verb >= noun
        if word.endswith("s") and not word.endswith("ss"):
            known = word in verb_words.POSTURES or word in verb_words.WEARING
            takes = known and self._place_follows(at)
            return verb >= noun or takes or self._object_follows(at)
        if word in verb_words.POSTURES or word in verb_words.WEARING:
            return self._place_follows(at) or (verb > noun and noun <= 1)
        plural = self.vocabulary.use(self.found[at - 1].text).plural
        return plural and (self._object_follows(at) or (verb > noun and not self._may_name(at + 1)))

    def _object_follows(self, at: int) -> bool:
        """Whether a determiner follows at once: no noun stands before one ("a man plays a guitar")."""
        after = self.found[at + 1].text if at + 1 < len(self.found) else ""
        return after in closed_classes.DETERMINERS or after in closed_classes.POSSESSIVES

    def _place_follows(self, at: int) -> bool:
        after = self.found[at + 1].text if at + 1 < len(self.found) else ""
        return (
            after in closed_classes.PREPOSITIONS
            or after in closed_classes.DETERMINERS
            or after in closed_classes.POSSESSIVES
        )

    def _is_participle(self, word: str, use) -> bool:
        if not use.verb:
            return False
        if word.endswith("ed") and verb_bases(word):
            return use.noun <= 1 and any(self.vocabulary.use(base).verb for base in verb_bases(word))
        return word in verb_words.PARTICIPLES

    def _noun_weight(self, word: str) -> int:
        if word in thing_words.THINGS:
            return 9
        use = self.vocabulary.use(word)
        named = self.vocabulary.has_place(word) and (use.noun or not use.known)
        return max(use.noun, 5) if named else use.noun

    def _is_value(self, at: int) -> bool:
        """Whether a value says what the next word is like ("wine" before "glass" does not)."""
        return bool(self.vocabulary.value_before(self.found[at].text, self.found[at + 1].text))

    def _compound(self, word: str) -> Tag:
        """A word that nothing knows: with a hyphen its last part tells."""
        first, _, last = word.rpartition("-")
        if not first:
            return Tag.ADJECTIVE if word.endswith("ed") else Tag.UNKNOWN
        use = self.vocabulary.use(last)
        if last.endswith(("ed", "ing", "like", "style", "free")) or use.adj > use.noun:
            return Tag.ADJECTIVE
        return Tag.NOUN if use.noun else Tag.UNKNOWN

    def _before(self, at: int) -> Tag | None:
        return self.done[at - 1].tag if at else None

    def _may_name(self, at: int) -> bool:
        """Whether the token can be part of what names a thing: a noun, or what stands before one."""
        if (
            at >= len(self.found)
            or self.found[at].kind != "word"
            or self.found[at].text in closed_classes.CLOSED
        ):
            return False
        word = self.found[at].text
        if word in ("left", "right") and at + 1 < len(self.found) and self.found[at + 1].text in ("of", "to"):
            return False
        if self.vocabulary.value(word) or self.vocabulary.thing((word,)) is Thing.SURE:
            return True
        if self._starts_name(at):
            return True
        use = self.vocabulary.use(word)
        if word.endswith("ing"):
            return word in thing_words.DETERMINED_THINGS or bool(self.vocabulary.thing((word,)) and use.noun)
        return not use.known or (bool(use.noun or use.adj) and max(use.noun, use.adj) >= use.verb - 1)

    def _starts_name(self, at: int) -> bool:
        """Whether a name of two words starts here ("bowling pin")."""
        pair = [token.text for token in self.found[at : at + 2] if token.kind == "word"]
        return len(pair) == 2 and self.vocabulary.is_name(pair) and bool(self.vocabulary.thing(pair))
