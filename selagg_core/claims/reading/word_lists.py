"""Words that the reading of a prompt treats apart: small closed classes and the jargon of prompts."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.replace("\n", " ").split(",") if part.strip())


# ------------------------------------------------------------------------------------------ closed classes

DETERMINERS = _words("a an the this that these those some any each every another both several many few all")
POSSESSIVES = _words("his her its their my your our whose")
PRONOUNS = _words("it him them he she they himself herself itself themselves i you we me us one's")
COPULAS = _words("is are was were be been being am looks look appears appear seems seem becomes")
HAVE = _words("has have having had with wearing holding carrying")
CONJUNCTIONS = _words("and or but nor yet plus & + while as than then because if so")
RELATIVES = _words("who which that where when whose what whom")
PREPOSITIONS = _words(
    """
    of in on at by to from for with without into onto over under above below beneath underneath behind beside
    besides between among near next inside outside within through throughout across along around against
    toward towards upon off out up down about after before during until since like via per amid amidst atop
    past beyond alongside despite except
    """
)
ADVERBS = _words(
    """
    very really too quite so extremely highly super ultra hyper slightly partially fully completely totally
    beautifully softly brightly dimly not never always just only also even still almost nearly there here away
    together apart alone forward backward backwards upward upwards downward downwards upside outwards inwards
    straight everywhere somewhere around back loud aloud again well far close
    """
)
NUMBERS = {
    word: number
    for number, word in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ],
        start=1,
    )
}
MOST_COUNTED = 20

# --------------------------------------------------------------------------------------------- prompt jargon

MEDIA = _words(
    """
    photo photos photograph photographs photography picture pictures image images painting paintings drawing
    drawings illustration illustrations render renders rendering portrait portraits sketch sketches artwork
    artworks art poster wallpaper screenshot still shot closeup close-up selfie snapshot print concept cover
    cartoon comic manga anime watercolor watercolour sculpture mural fresco collage depiction scene view
    diagram footage frame film movie video clipart vector icon icons logo sticker design pattern headshot
    """
)
"""What a picture is called: before "of" it is the picture itself, never a thing in it."""

QUALITY = _words(
    """
    masterpiece quality best better worst high low res resolution highres absurdres lowres detailed details detail
    intricate realistic photorealistic hyperrealistic realism photorealism hyperrealism hd uhd fhd qhd hdr
    sharp focus focused award winning trending artstation deviantart pinterest instagram pixiv behance cgsociety
    flickr unsplash shutterstock unreal engine octane blender vray v-ray raytracing redshift cinema4d cgi
    render rendered rendering professional official stunning epic beautiful amazing awesome perfect gorgeous
    masterful exquisite elegant aesthetic aesthetics vibrant vivid dramatic cinematic atmospheric atmosphere
    ambiance ambience mood moody style styled stylized stylised artistic artist score rating safe explicit
    questionable sensitive general source newest recent mid early late absurd nsfw sfw hq lq uncensored
    raw photorealist hyperdetailed ultradetailed extremely highly insanely megapixel megapixels
    """
)
"""Words about the picture as a whole; none of them is a thing in it."""

TECHNICAL = _words(
    """
    lens lenses bokeh aperture exposure iso shutter camera cameras dslr slr hasselblad nikon canon leica sony
    fujifilm kodak polaroid portra ektachrome lomography gopro grain noise contrast saturation hue tone tones
    gradient gradients grading palette color colour colors colours colored lighting backlighting shading shadows
    shade highlights reflection reflections composition framing perspective angle angles viewpoint viewer
    background backdrop foreground midground depth field view closeup zoom fov macro panorama panoramic
    wide-angle telephoto fisheye tilt-shift symmetry texture textures geometry volumetrics occlusion raytraced
    rays subsurface scattering fractal fractals aspect ratio format dimension dimensions pixel pixels size scale
    medium brushwork brushstrokes strokes stroke brushstroke linework lineart outline outlines silhouette
    technique rendition version edition series collection set setting settings theme themes motif genre
    aesthetics vibe vibes concept concepts subject object objects item items element elements
    object's environment surroundings scenery scene scenes landscape atmosphere ambient film still
    effect effects filter filters light luminosity brightness darkness glow illumination flare flares vignette
    pose posture gesture expression expressions action body anatomy proportions cowboy shot half-body full-body
    upper-body portrait profile front back side left right top bottom middle center centre corner edge
    bottom upper lower end ends part parts piece pieces distance horizon vanishing direction way
    manner kind kinds type types sort sorts shape shapes form forms structure style styles name names
    caption title text words word letters letter font signature watermark username artist-name logo
    """
)
"""Nouns of photography, drawing and places in the picture: heads that are no things."""

ABSTRACT = _words(
    """
    essence beauty nature life love emotion emotions feeling feelings energy power dream dreams story stories time
    day night morning evening afternoon dusk dawn midnight noon sunrise sunset winter summer autumn spring
    season weather climate year years age century future past present world universe reality fantasy fiction
    science magic mystery horror peace harmony balance movement motion speed space sense touch hint mix blend
    combination variety lot number group pair couple bunch amount series range inspiration influence
    influences attention focus look looks gaze stare smile smiles feel work works masterwork craft skill
    detail details imagination idea ideas thought memory silence wonder hope joy sadness happiness fear anger
    rating general safe score game games play fun fashion beauty glamour luxury modernism minimalism surrealism
    realism impressionism expressionism brutalism cubism futurism fun party war battle fight adventure journey
    event moment situation result use purpose case example fact point contact hours hour minute
    minutes second seconds distance height width length level degree position place location area region
    space spot zone everything something anything nothing someone everyone anyone somebody nobody one ones
    other others thing things stuff matter top bottom side sides culture history tradition music
    solo alone character characters line lines architecture gear
    """
)
"""Nouns that name nothing with a place of its own."""

NOT_THINGS = MEDIA | QUALITY | TECHNICAL | ABSTRACT
"""Nouns that are never entities as heads, unless THINGS has them."""

THINGS = _words(
    """
    hand hands arm arms leg legs foot feet finger fingers eye eyes face hair skin lips mouth nose ear ears wing
    wings tail horn horns tear tears glass snow smoke rain fog mist fire flame flames ice water lightning
    rainbow lights neon lamp floor ceiling wall walls field table sky sun moon star stars cloud clouds road
    street path river sea ocean shadow bubbles sparks dust steam graffiti tattoo tattoos freckles
    statue sculpture mural mirror sign poster flag map screen window door book books newspaper
    dragon angel demon ghost robot cyborg android alien zombie vampire mermaid elf goblin orc monster creature
    wizard witch spaceship spacesuit mech mecha hoodie t-shirt tshirt tshirts sweatshirt crop-top headphones
    smartphone laptop drone selfie-stick miniskirt bodysuit catgirl foxgirl anime-girl superhero teddy
    men women people person boy girl boys girls guy guys man woman child children baby kid kids
    couple model samurai ninja geisha knight avatar princess prince queen king
    ground grass sand mud plants leaves flower flowers petals blossom vegetation foliage
    city town village house building skyscraper castle temple tower bridge store shop market room
    kitchen bathroom bedroom garden park forest jungle desert beach mountain mountains valley canyon cave
    waterfall lake pond island volcano planet galaxy nebula asteroid meteor
    food soup cake pizza bread coffee tea beer wine juice milk cheese chocolate
    outfit dress suit costume uniform armor armour gown robe robes cloak
    crowd audience team band army herd flock pack
    mug mugs towel towels phone phones kid kids stripe stripes coaster teapot trunk trunks pole poles board boards bar bars pot pan cup plate bottle bowl jar box bag basket
    """
)
"""Nouns that are things, whatever the table has."""

# ------------------------------------------------------------------------------------------------ attributes

VALUES = {
    "Color": "dark light pale colorful multicolor multicolour multicolored bicolor tricolor monochromatic "
    "dark-skinned golden silvery rosy bluish raven ginger platinum blonde blond brunette rainbow-colored",
    "Material": "jean denim knitted crochet ceramic woolen crystal stained bejeweled jeweled gilded gilt "
    "tiled bricked stone-built furry steel glass lace leather paper plush sequined brick cobblestone",
    "Texture": "ripped torn pleated ruffled frilled frilly puffy messy curly wavy straight braided grassy rocky "
    "snowy muddy sandy mossy foggy misty bushy leafy dusty rusty cracked shattered broken crumpled folded "
    "wrinkled wrinkly sweaty bloody dirty clean wet dry frozen melting burnt charred peeled shaggy fluffy "
    "bumpy spiky thorny feathered scaly hairy bearded freckled tanned wooded barren lush overgrown tattooed "
    "see-through sheer tight loose baggy weathered distressed pitted lined stitched embroidered",
    "Geometric Patterns": "plaid polka-dot polka-dotted flowered floral-print camo gingham leopard zebra "
    "patterned lined spotted dotted solid plain unpatterned",
    "Shape": "oblong square-shaped rectangular triangular teardrop oval circular round cubic spherical conical "
    "pyramidal cylindrical hexagonal octagonal pentagonal diamond heart-shaped curved pointed domed arched "
    "curvy flat bent hooked slanted tilted open closed",
    "Size": "big small large tiny huge giant enormous gigantic massive tall short long little miniature thick "
    "thin wide narrow oversized mini medium-sized fat slim slender skinny plump chubby muscular full deep",
}
"""Concept -> words that say what a thing is like, beside those of the lexicon."""

SHADES = _words("dark light pale deep bright neon pastel soft hot baby sky royal navy electric dusty vivid")
"""Words that tell shades of a colour when a colour follows."""

KIND_NOUNS = _words(
    """
    color colour colors colours coloured colored pattern patterned patterns texture textured textures shape
    shaped hue hues tone tones size sized style styled material print
    """
)
"""After a value they repeat what kind of value it is: "white color car"."""

# ------------------------------------------------------------------------------------------------- structure

PARTITIVES = _words(
    """
    pair pairs group groups bunch number lot lots kind kinds type types variety sort couple set sets piece pieces
    series collection slice slices handful dozens dozen hundreds thousands plenty bit bits swarm
    mix mixture closeup close-up view shot glimpse depiction version example image images bust
    """
)
"""Before "of" they only measure what follows."""

POSTURES = _words(
    """
    sit sits sat sitting seated stand stands stood standing lie lies lay lays lying laying lain kneel kneels knelt
    kneeling lean leans leaned leaning rest rests rested resting perch perches perched perching squat squats
    squatting crouch crouches crouched crouching hang hangs hung hanging float floats floated floating hover hovers
    hovering fly flies flew flying swim swims swam swimming walk walks walked walking run runs ran running jump
    jumps jumped jumping ride rides riding rode dance dances danced dancing sleep sleeps slept sleeping climb climbs
    climbing crawl crawls crawling park parks parked parking place places placed placing set mounted balanced
    balancing positioned located situated stacked displayed laid spread scattered posing pose poses posed
    grazing wait waits waiting play plays playing drive drives driving surf surfing skate skating skateboarding
    ski skiing sail sails sailing grow grows growing stay stays staying drift drifting hide hides hiding
    hidden sprawled curled swinging stretched tied attached arranged piled planted built served reflecting
    marching falling landing landed rising towering looming painted printed written drawn eating drinking reading
    """
)
"""What says how or where somebody or something is: a place after it is that of the subject of the clause."""

WEARING = _words(
    """
    wear wears wore wearing worn dressed clad holding hold holds held carrying carry carries carried with
    featuring has have having sporting covered surrounded including containing made
    """
)
"""After these comes what belongs to somebody: no subject of what follows."""

LOOKING = _words(
    """
    look looks looked looking gaze gazes gazing stare stares staring staring glance glancing smile smiles smiling
    point points pointing peer peering focus focused focusing based working work works trending
    shot captured taken photographed posted featured published available standing-out depending concentrating
    """
)
"""No relation follows these: "looking at", "based on", "trending on"."""

NO_PLACE_AFTER_ON = _words(
    """
    fire canvas paper instagram pinterest artstation deviantart display film top earth holiday vacation location
    youtube twitter netflix tv kodak set sale time way theme
    """
)
NEGATIONS = _words(
    "no without not never none nor zero isn't aren't doesn't don't didn't won't cannot can't minus sans"
)

PERSON_TAGS = _words("girl girls boy boys woman women man men other others person people")

MODALS = _words("can could will would shall should may might must do does did")
AUXILIARIES = _words("has have had")
BODY = _words("back body waist chest side shoulder shoulders lap")
"""Parts of somebody: things after "his" and "her" alone."""
SILENT_PHRASES = _phrases(
    """
    depth of field, field of view, field of depth, rule of thirds, golden ratio, point of view, pen and ink, work of art,
    game of thrones, lord of the rings, octane render, unreal engine, film grain, lens flare, lens flares, concept art,
    comic art, digital art, digital painting, matte painting, oil painting, key visual, key art, fan art, pixel art,
    line art, vector art, pop art, street photography, fashion shoot, photo shoot, photon mapping, ray tracing,
    global illumination, ambient occlusion, subsurface scattering, volumetric light, volumetric fog, god rays,
    light rays, rim light, rim lighting, back light, soft light, hard light, studio light, studio lights,
    studio lighting, natural light, key light, ring light, golden hour, blue hour, color grading, colour grading,
    color palette, colour palette, double exposure, long exposure, motion blur, tilt shift, wide angle, low angle,
    high angle, fish eye, fisheye lens, macro lens, close up, full body, upper body, lower body, half body,
    cowboy shot, mid shot, medium shot, long shot, wide shot, full shot, front view, side view, rear view, top view,
    aerial view, eye level, eye contact, eyes contact, art station, high resolution, high detail, high quality, high
    definition, high contrast, high key, low key, low poly, high poly, highly detailed, award winning, national geographic,
    stock photo, stock image, raw photo, film still, movie still, movie poster, album cover, magazine cover, character
    sheet, character design, model sheet, reference sheet, white balance, color scheme, colour scheme, sharp focus,
    soft focus, shallow focus, deep focus, hair detail, skin texture, skin pores, skin detail, vray tracing, hard surface,
    dof, ultra hd, full hd, looking at viewer, looking away, looking back, facing viewer, out of frame, out of focus,
    still life, dutch angle, worms eye, birds eye, text box, speech bubble, cinema lens, prime lens, zoom lens
    """
)
"""Fixed expressions of photography and drawing in which no word is a thing."""
BODY_ADJECTIVES = _words("haired eyed skinned faced legged armed winged eared tailed headed lipped")
ART_SUPPLIES = _words(
    """
    oil pencil pencils gouache acrylic acrylics watercolor watercolors watercolour ink inks charcoal pastel pastels
    crayon crayons airbrush oilstick pen paint plaster lithograph woodcut etching linocut marker plasma
    """
)
"""What pictures are made with: alone in a tag they are how the picture is made."""
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

TRANSITIVE = _words(
    """
    riding driving eating drinking reading playing making doing taking using pushing pulling throwing catching
    kicking chasing watching touching hugging kissing feeding cutting cooking selling buying painting writing
    sipping smoking licking biting petting showing revealing exposing displaying depicting standing sitting
    looking leaning lying kneeling overlooking facing surrounding casting emitting forming including featuring
    """
)
"""Forms in "-ing" that take what follows as their object, where they start a phrase."""

PARTICIPLES = _words(
    """
    worn torn broken hidden made held seen shown drawn woven driven ridden lit set built cut hung spread bound
    bent swept thrown grown overgrown frozen stolen taken given written eaten beaten chosen wrapped left
    """
)
"""Irregular participles."""
CREATORS = _words(
    """
    art artwork artist artwork painting photo photograph photography picture image illustration drawing render
    portrait design style work poster cover concept designed directed drawn painted written inspired created
    made illustrated photographed shot rendered influenced composed produced captured taken sculpted styled
    """
)
"""Before "by" they name who made the picture."""

HOLDERS = _words(
    """
    glass glasses cup cups mug mugs bottle bottles bowl bowls plate plates jar jars shop shops house store cake
    cakes pie pies tree trees juice bush bushes garden gardens bean beans sauce soup bread cream tea pot farm
    """
)
"""After the name of a food or plant they say what holds or bears it, or what is made of it."""
PHYSICAL_BY = _words(
    """
    hidden surrounded covered lit illuminated followed held framed flanked carried pulled driven ridden chased
    obscured blocked enclosed encircled bordered topped supported concealed standing sitting lying parked
    """
)
"""Before "by" they say what something in the picture does."""
ENDS_OF_NEGATION = _words("but with except while then instead")
PUBLISHED = _words(
    "trending featured posted published shot captured taken photographed rendered printed shared"
)
LIKENESS = _words("like as")
AFTER_MEDIUM = _words("of showing depicting featuring with portraying illustrating by about")
TELLING_SMALL_WORDS = _words("the with and of her his at on is to by for")
PLAIN_PATTERNS = _words("solid plain unpatterned")

NAMING = _words(
    "ice snow coffee cream soap ring light fire water wine tea paint horn glitter thread tile rope smoke heart star cross arrow"
)
"""Nouns that name a material or colour, but before another noun make a name with it ("coffee table")."""
OBJECTS = _words(
    """
    case cases lights piece pieces stand stands frame frames set sets sign signs card cards cover covers slice unit
    print board boards box boxes press palette holder holders bar bars pad pads ring rings
    """
)
"""Heads of names that are things after the name of another thing ("phone case", "ceiling light")."""
LAMPS = _words(
    "pendant ceiling wall street traffic stage string fairy christmas led desk bedside neon stop head"
)
"""Before "light" they make the name of a lamp."""
DETERMINED_THINGS = _words(
    """
    painting paintings picture pictures frame frames poster posters drawing photograph photo photos sticker stickers
    camera cameras logo comic icon icons
    """
)
"""Media that are a thing in the picture where they are named as one ("a cat behind a painting")."""
