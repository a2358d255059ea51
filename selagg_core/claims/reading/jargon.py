"""Jargon of photography, drawing and image models, and nouns that name nothing that is seen."""

from __future__ import annotations

from .listing import phrases, words

MEDIA = words(
    """
    photo photos photograph photographs photography picture pictures image images painting paintings
    drawing drawings illustration illustrations render renders rendering portrait portraits sketch
    sketches artwork artworks art poster wallpaper screenshot still shot closeup close-up selfie snapshot
    print concept cover cartoon comic manga anime watercolor watercolour sculpture mural fresco collage
    depiction scene view diagram footage frame film movie video clipart vector icon icons logo sticker
    design pattern headshot
    """
)
"""What a picture is called: before "of" it is the picture itself, never a thing in it."""
AFTER_MEDIUM = words("of showing depicting featuring with portraying illustrating by about")
QUALITY = words(
    """
    masterpiece quality best better worst high low res resolution highres absurdres lowres detailed
    details detail intricate realistic photorealistic hyperrealistic realism photorealism hyperrealism hd
    uhd fhd qhd hdr sharp focus focused award winning trending artstation deviantart pinterest instagram
    pixiv behance cgsociety flickr unsplash shutterstock unreal octane blender vray v-ray
    raytracing redshift cinema4d cgi render rendered rendering professional official stunning epic
    beautiful amazing awesome perfect gorgeous masterful exquisite elegant aesthetic aesthetics vibrant
    vivid dramatic cinematic atmospheric atmosphere ambiance ambience mood moody style styled stylized
    stylised artistic artist score rating safe explicit questionable sensitive general source newest
    recent mid early late absurd nsfw sfw hq lq uncensored raw photorealist hyperdetailed ultradetailed
    extremely highly insanely megapixel megapixels
    """
)
"""Words about the picture as a whole; none of them is a thing in it."""
TECHNICAL = words(
    """
    lens lenses bokeh aperture exposure iso shutter camera cameras dslr slr hasselblad nikon canon leica
    sony fujifilm kodak polaroid portra ektachrome lomography gopro grain noise contrast saturation hue
    tone tones gradient gradients grading palette color colour colors colours colored lighting
    backlighting shading shadows shade highlights reflection reflections composition framing perspective
    angle angles viewpoint viewer background backdrop foreground midground depth field view closeup zoom
    fov macro panorama panoramic wide-angle telephoto fisheye tilt-shift symmetry texture textures
    geometry volumetrics occlusion raytraced rays subsurface scattering fractal fractals aspect ratio
    format dimension dimensions pixel pixels size scale medium brushwork brushstrokes strokes stroke
    brushstroke linework lineart outline outlines silhouette technique rendition version edition series
    collection set setting settings theme themes motif genre aesthetics vibe vibes concept concepts
    subject object objects item items element elements object's environment surroundings scenery scene
    scenes landscape atmosphere ambient film still effect effects filter filters light luminosity
    brightness darkness glow illumination flare flares vignette pose posture gesture expression
    expressions action body anatomy proportions cowboy shot half-body full-body upper-body portrait
    profile front back side left right top bottom middle center centre corner edge upper lower end ends
    part parts piece pieces distance horizon vanishing direction way manner kind kinds type types sort
    sorts shape shapes form forms structure style styles name names caption title text words word letters
    letter font signature watermark username artist-name logo
    """
)
"""Nouns of photography, drawing and places in the picture: heads that are no things."""
ABSTRACT = words(
    """
    surface surfaces
    essence beauty nature life love emotion emotions feeling feelings energy power dream dreams story
    stories time day night morning evening afternoon dusk dawn midnight noon sunrise sunset winter summer
    autumn spring season weather climate year years age century future past present world universe
    reality fantasy fiction science magic mystery horror peace harmony balance movement motion speed
    space sense touch hint mix blend combination variety lot number group pair couple bunch amount series
    range inspiration influence influences attention focus look looks gaze stare smile smiles feel work
    works masterwork craft skill detail details imagination idea ideas thought memory silence wonder hope
    joy sadness happiness fear anger rating general safe score game games play fun fashion glamour luxury
    modernism minimalism surrealism realism impressionism expressionism brutalism cubism futurism party
    war battle fight adventure journey event moment situation result use purpose case example fact point
    contact hours hour minute minutes second seconds distance height width length level degree position
    place location area region spot zone everything something anything nothing someone everyone anyone
    somebody nobody one ones other others thing things stuff matter top bottom side sides culture history
    tradition music solo alone character characters line lines architecture gear
    """
)
"""Nouns that name nothing with a place of its own."""
NOT_THINGS = MEDIA | QUALITY | TECHNICAL | ABSTRACT
"""Nouns that are never entities as heads, unless THINGS has them."""
SILENT_PHRASES = phrases(
    """,
    depth of field, field of view, field of depth, rule of thirds, golden ratio, point of view,
    pen and ink, work of art, game of thrones, lord of the rings, octane render, unreal engine,
    film grain, lens flare, lens flares, concept art, comic art, digital art, digital painting,
    matte painting, oil painting, key visual, key art, fan art, pixel art, line art, vector art, pop art,
    street photography, fashion shoot, photo shoot, photon mapping, ray tracing, global illumination,
    ambient occlusion, subsurface scattering, volumetric light, volumetric fog, god rays, light rays,
    rim light, rim lighting, back light, soft light, hard light, studio light, studio lights,
    studio lighting, natural light, key light, ring light, golden hour, blue hour, color grading,
    colour grading, color palette, colour palette, double exposure, long exposure, motion blur,
    tilt shift, wide angle, low angle, high angle, fish eye, fisheye lens, macro lens, close up,
    full body, upper body, lower body, half body, cowboy shot, mid shot, medium shot, long shot,
    wide shot, full shot, front view, side view, rear view, top view, aerial view, eye level, eye contact,
    eyes contact, art station, high resolution, high detail, high quality, high definition, high contrast,
    high key, low key, low poly, high poly, highly detailed, award winning, national geographic,
    stock photo, stock image, raw photo, film still, movie still, movie poster, album cover,
    magazine cover, character sheet, character design, model sheet, reference sheet, white balance,
    color scheme, colour scheme, sharp focus, soft focus, shallow focus, deep focus, hair detail,
    skin texture, skin pores, skin detail, vray tracing, hard surface, dof, ultra hd, full hd,
    looking at viewer, looking away, looking back, facing viewer, out of frame, out of focus, still life,
    dutch angle, worms eye, birds eye, text box, speech bubble, cinema lens, prime lens, zoom lens
    """
)
"""Fixed expressions of photography and drawing in which no word is a thing."""
ART_SUPPLIES = words(
    """
    oil pencil pencils gouache acrylic acrylics watercolor watercolors watercolour ink inks charcoal
    pastel pastels crayon crayons airbrush oilstick pen paint plaster lithograph woodcut etching linocut
    marker plasma
    """
)
"""What pictures are made with: alone in a tag they are how the picture is made."""
PARTITIVES = words(
    """
    pair pairs group groups bunch number lot lots kind kinds type types variety sort couple set sets
    piece pieces series collection slice slices handful dozens dozen hundreds thousands plenty bit bits
    swarm mix mixture closeup close-up view shot glimpse depiction version example image images bust
    """
)
"""Before "of" they only measure what follows."""
CREATORS = words(
    """
    art artwork artist painting photo photograph photography picture image illustration drawing render
    portrait design style work poster cover concept designed directed drawn painted written inspired
    created made illustrated photographed shot rendered influenced composed produced captured taken
    sculpted styled
    """
)
"""Before "by" they name who made the picture."""
PUBLISHED = words(
    """
    trending featured posted published shot captured taken photographed rendered printed shared
    """
)
