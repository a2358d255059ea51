"""Verbs by what follows them, in all their forms."""

from __future__ import annotations

from .listing import words

POSTURES = words(
    """
    sit sits sat sitting seated stand stands stood standing lie lies lay lays lying laying lain kneel
    kneels knelt kneeling lean leans leaned leaning rest rests rested resting perch perches perched
    perching squat squats squatting crouch crouches crouched crouching hang hangs hung hanging float
    floats floated floating hover hovers hovering fly flies flew flying swim swims swam swimming walk
    walks walked walking run runs ran running jump jumps jumped jumping ride rides riding rode dance
    dances danced dancing sleep sleeps slept sleeping climb climbs climbing crawl crawls crawling park
    parks parked parking place places placed placing set mounted balanced balancing positioned located
    situated stacked displayed laid spread scattered posing pose poses posed grazing wait waits waiting
    play plays playing drive drives driving surf surfing skate skating skateboarding ski skiing sail
    sails sailing grow grows growing stay stays staying drift drifting hide hides hiding hidden sprawled
    curled swinging stretched tied attached arranged piled planted built served reflecting marching
    falling landing landed rising towering looming painted printed written drawn eating drinking reading
    """
)
"""What says how or where somebody or something is: a place after it is that of the subject of the clause."""
WEARING = words(
    """
    wear wears wore wearing worn dressed clad holding hold holds held carrying carry carries carried with
    featuring has have having sporting covered surrounded including containing made
    """
)
"""After these comes what belongs to somebody: no subject of what follows."""
LOOKING = words(
    """
    look looks looked looking gaze gazes gazing stare stares staring glance glancing smile smiles smiling
    point points pointing peer peering focus focused focusing based working work works trending shot
    captured taken photographed posted featured published available standing-out depending concentrating
    """
)
"""No relation follows these: "looking at", "based on", "trending on"."""
TRANSITIVE = words(
    """
    riding driving eating drinking reading playing making doing taking using pushing pulling throwing
    catching kicking chasing watching touching hugging kissing feeding cutting cooking selling buying
    painting writing sipping smoking licking biting petting showing revealing exposing displaying
    depicting standing sitting looking leaning lying kneeling overlooking facing surrounding casting
    emitting forming including featuring
    """
)
"""Forms in "-ing" that take what follows as their object, where they start a phrase."""
PARTICIPLES = words(
    """
    worn torn broken hidden made held seen shown drawn woven driven ridden lit set built cut hung spread
    bound bent swept thrown grown overgrown frozen stolen taken given written eaten beaten chosen wrapped
    left
    """
)
"""Irregular participles."""
PHYSICAL_BY = words(
    """
    hidden surrounded covered lit illuminated followed held framed flanked carried pulled driven ridden
    chased obscured blocked enclosed encircled bordered topped supported concealed standing sitting lying
    parked
    """
)
"""Before "by" they say what something in the picture does."""
