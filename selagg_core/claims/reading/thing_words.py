"""Nouns that are things, always or beside certain words."""

from __future__ import annotations

from .listing import words

THINGS = words(
    """
    explosion explosions splash splashes wave waves ripple ripples thighhighs kneehighs pantyhose legwear
    headwear neckwear hairband hairbands hairclip hairpin scrunchie twintails ponytail sidelocks ahoge
    serafuku kimono yukata hakama haori obi neckerchief cleavage collarbone midriff navel halo fang fangs
    katana randoseru hoodie choker leggings bikini swimsuit bodysuit pauldrons gauntlets enemy enemies
    gang squad bundle coin coins stage harbor harbour port plaza yard pier hand hands arm arms leg legs
    foot feet finger fingers eye eyes face hair skin lips mouth nose ear ears wing wings tail horn horns
    tear tears glass snow smoke rain fog mist fire flame flames ice water lightning rainbow lights neon
    lamp floor ceiling wall walls field table sky sun moon star stars cloud clouds road street path river
    sea ocean shadow bubbles sparks dust steam graffiti tattoo tattoos freckles statue sculpture mural
    mirror sign poster flag map screen window door book books newspaper dragon angel demon ghost robot
    cyborg android alien zombie vampire mermaid elf goblin orc monster creature wizard witch spaceship
    spacesuit mech mecha t-shirt tshirt tshirts sweatshirt crop-top headphones smartphone laptop drone
    selfie-stick miniskirt catgirl foxgirl anime-girl superhero teddy men women people person boy girl
    boys girls guy guys man woman child children baby kid kids couple model samurai ninja geisha knight
    avatar princess prince queen king ground grass sand mud plants leaves flower flowers petals blossom
    vegetation foliage city town village house building skyscraper castle temple tower bridge store shop
    market room kitchen bathroom bedroom garden park forest jungle desert beach mountain mountains valley
    canyon cave waterfall lake pond island volcano planet galaxy nebula asteroid meteor food soup cake
    pizza bread coffee tea beer wine juice milk cheese chocolate outfit dress suit costume uniform armor
    armour gown robe robes cloak crowd audience team band army herd flock pack mug mugs towel towels
    phone phones stripe stripes coaster teapot trunk trunks pole poles board boards bar bars pot pan cup
    plate bottle bowl jar box bag basket
    """
)
"""Nouns that are things, whatever the table has."""
OBJECTS = words(
    """
    case cases lights piece pieces stand stands frame frames set sets sign signs card cards cover covers
    slice unit print board boards box boxes press palette holder holders bar bars pad pads ring rings
    """
)
"""Heads of names that are things after the name of another thing ("phone case", "ceiling light")."""
LAMPS = words(
    """
    pendant ceiling wall street traffic stage string fairy christmas led desk bedside neon stop head
    """
)
"""Before "light" they make the name of a lamp."""
DETERMINED_THINGS = words(
    """
    painting paintings picture pictures frame frames poster posters drawing photograph photo photos
    sticker stickers camera cameras logo comic icon icons
    """
)
"""Media that are a thing in the picture where they are named as one ("a cat behind a painting")."""
GENERIC = words("surface surfaces object objects item items word words letters text")
"""Nouns for any thing: read as one, and not checked, where a determiner or value stands before them."""
BODY = words("back body waist chest side shoulder shoulders lap")
"""Parts of somebody: things after "his" and "her" alone."""
HOLDERS = words(
    """
    glass glasses cup cups mug mugs bottle bottles bowl bowls plate plates jar jars shop shops house
    store cake cakes pie pies tree trees juice bush bushes garden gardens bean beans sauce soup bread
    cream tea pot farm
    """
)
"""After the name of a food or plant they say what holds or bears it, or what is made of it."""
NAMING = words(
    """
    ice snow coffee cream soap ring light fire water wine tea paint horn glitter thread tile rope smoke
    heart star cross arrow
    """
)
"""Nouns that name a material or colour, but before another noun make a name with it ("coffee table")."""
NO_PLACE_AFTER_ON = words(
    """
    fire canvas paper instagram pinterest artstation deviantart display film top earth holiday vacation
    location youtube twitter netflix tv kodak set sale time way theme
    """
)
