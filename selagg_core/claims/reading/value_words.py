"""Words that say what a thing is like, beside those of the lexicon."""

from __future__ import annotations

from .listing import words

VALUES = {
    "Color": words(
        """
        dark light pale colorful multicolor multicolour multicolored bicolor tricolor monochromatic
        dark-skinned golden silvery rosy bluish raven ginger platinum blonde blond brunette
        rainbow-colored
        """
    ),
    "Material": words(
        """
        jean denim knitted crochet ceramic woolen crystal stained bejeweled jeweled gilded gilt tiled
        bricked stone-built furry steel glass lace leather paper plush sequined brick cobblestone
        """
    ),
    "Texture": words(
        """
        ripped torn pleated ruffled frilled frilly puffy messy curly wavy straight braided grassy rocky
        snowy muddy sandy mossy foggy misty bushy leafy dusty rusty cracked shattered broken crumpled
        folded wrinkled wrinkly sweaty bloody dirty clean wet dry frozen melting burnt charred peeled
        shaggy fluffy bumpy spiky thorny feathered scaly hairy bearded freckled tanned wooded barren lush
        overgrown tattooed see-through sheer tight loose baggy weathered distressed pitted lined stitched
        embroidered
        """
    ),
    "Geometric Patterns": words(
        """
        plaid polka-dot polka-dotted flowered floral-print camo gingham leopard zebra patterned lined
        spotted dotted solid plain unpatterned
        """
    ),
    "Shape": words(
        """
        oblong square-shaped rectangular triangular teardrop oval circular round cubic spherical conical
        pyramidal cylindrical hexagonal octagonal pentagonal diamond heart-shaped curved pointed domed
        arched curvy flat bent hooked slanted tilted open closed
        """
    ),
    "Size": words(
        """
        big small large tiny huge giant enormous gigantic massive tall short long little miniature thick
        thin wide narrow oversized mini medium-sized fat slim slender skinny plump chubby muscular full
        deep
        """
    ),
}
"""Concept -> words that say what a thing is like, beside those of the lexicon."""
SHADES = words("dark light pale deep bright neon pastel soft hot baby sky royal navy electric dusty vivid")
"""Words that tell shades of a colour when a colour follows."""
KIND_NOUNS = words(
    """
    color colour colors colours coloured colored pattern patterned patterns texture textured textures
    shape shaped hue hues tone tones size sized style styled material print
    """
)
"""After a value they repeat what kind of value it is: "white color car"."""
BODY_ADJECTIVES = words("haired eyed skinned faced legged armed winged eared tailed headed lipped")
PLAIN_PATTERNS = words("solid plain unpatterned")
