"""Small closed classes of English words."""

from __future__ import annotations

from .listing import words

DETERMINERS = words("a an the this that these those some any each every another both several many few all")
POSSESSIVES = words("his her its their my your our whose")
PRONOUNS = words("it him them he she they himself herself itself themselves i you we me us one's")
COPULAS = words("is are was were be been being am looks look appears appear seems seem becomes")
CONJUNCTIONS = words("and or but nor yet plus & + while as than then because if so")
RELATIVES = words("who which that where when whose what whom")
PREPOSITIONS = words(
    """
    of in on at by to from for with without into onto over under above below beneath underneath behind
    beside besides between among near next inside outside within through throughout across along around
    against toward towards upon off out up down about after before during until since like via per amid
    amidst atop past beyond alongside despite except
    """
)
ADVERBS = words(
    """
    very really too quite so extremely highly super ultra hyper slightly partially fully completely
    totally beautifully softly brightly dimly not never always just only also even still almost nearly
    there here away together apart alone forward backward backwards upward upwards downward downwards
    upside outwards inwards straight everywhere somewhere around back loud aloud again well far close
    """
)
_NUMBERS = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""
NUMBERS = {word: number for number, word in enumerate(_NUMBERS.split(), start=1)}
MOST_COUNTED = 20
NEGATIONS = words(
    """
    no without not never none nor zero isn't aren't doesn't don't didn't won't cannot can't minus sans
    """
)
MODALS = words("can could will would shall should may might must do does did")
AUXILIARIES = words("has have had")
CLOSED = (
    DETERMINERS
    | POSSESSIVES
    | PRONOUNS
    | COPULAS
    | CONJUNCTIONS
    | RELATIVES
    | PREPOSITIONS
    | ADVERBS
    | NEGATIONS
    | MODALS
    | AUXILIARIES
    | frozenset(NUMBERS)
)
ENDS_OF_NEGATION = words("but with except while then instead")
LIKENESS = words("like as")
TELLING_SMALL_WORDS = words("the with and of her his at on is to by for")
