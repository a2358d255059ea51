"""Whole sentences with all that is read from them, checked one by one by eye."""

from __future__ import annotations

import pytest
from test_reading import read

READINGS = [
    (
        "an old sailor with a white beard holding a brass lantern, stormy sea behind him",
        "sailor; beard; white > beard; lantern; brass > lantern; sea",
    ),
    (
        "two grey wolves and a fox in front of a burning barn",
        "wolves; wolves: 2; grey > wolves; fox; barn; fox in front of barn",
    ),
    ("a girl riding a bicycle past a row of yellow houses", "girl; bicycle; houses; yellow > houses"),
    (
        "portrait of a young woman in a long green dress, pearl necklace, soft light",
        "young woman; dress; long > dress; green > dress; necklace; pearl > necklace; "
        "pearl = Color + Material",
    ),
    (
        "a bowl of ripe cherries next to a glass of milk on a wooden table",
        "bowl; cherries; cherries = Fruits and Vegetables; glass; milk; table; wooden > "
        "table; bowl next to glass; ?bowl on table",
    ),
    (
        "knight in shining armour fighting a three-headed dragon on a bridge",
        "knight; armour; dragon; bridge; ?knight on bridge",
    ),
    (
        "a black cat sleeping on top of a piano, a vase of tulips to its right",
        "cat; black > cat; piano; vase; tulips; cat on piano",
    ),
    (
        "no hat, a man with red hair and blue eyes looking at the camera",
        "man; hair; red > hair; eyes; blue > eyes; camera",
    ),
    (
        "a small boat under a stone arch; a lighthouse far away on the left",
        "boat; small > boat; arch; stone > arch; stone = Material; lighthouse; boat "
        "under arch; lighthouse: left",
    ),
    (
        "masterpiece, best quality, 1girl, solo, silver hair, purple eyes, school "
        "uniform, holding an umbrella, cherry blossoms",
        "girl; girl: 1; hair; silver > hair; eyes; purple > eyes; school uniform; umbrella; cherry blossoms",
    ),
    ("a red apple and a green one on a plate", "apple; red > apple; plate; apple on plate"),
    ("a dog wearing a blue scarf and a cat without a collar", "dog; scarf; blue > scarf; cat"),
    (
        "three striped cups stacked on a book, a pen beside them",
        "cups; cups: 3; striped > cups; book; pen; cups on book",
    ),
    (
        "an astronaut planting a flag on the moon, earth in the background",
        "astronaut; flag; moon; earth; ?astronaut on moon",
    ),
    ("a wooden chair between two tall lamps", "chair; wooden > chair; lamps; lamps: 2; tall > lamps"),
    (
        "close-up photo of a frog with bright orange feet on a wet leaf",
        "frog; feet; orange > feet; orange = Color; leaf; wet > leaf; ?frog on leaf",
    ),
    (
        "a polar bear dressed as a chef is stirring a huge copper pot",
        "polar bear; pot; huge > pot; copper > pot",
    ),
    (
        "oil painting of a harbour at dawn, fishing boats, seagulls above the mast",
        "harbour; fishing boats; seagulls; mast; seagulls above mast",
    ),
    (
        "on the left a red barn, on the right a white horse",
        "barn; red > barn; horse; white > horse; barn: left; horse: right",
    ),
    ("the boy who holds a kite stands behind a fence", "boy; kite; fence; boy behind fence"),
    ("men riding horses through a river", "men; horses; river"),
    ("a stainless steel kettle on a gas stove", "kettle; steel > kettle; gas stove; kettle on gas stove"),
    ("four penguins, one of them wearing a bow tie", "penguins; penguins: 4; bow tie"),
    ("a teddy bear that is bigger than the child hugging it", "teddy bear; bigger > teddy bear; child"),
    (
        "A robot. It has golden arms and a round head. A bird sits on its shoulder.",
        "robot; arms; golden > arms; head; round > head; bird; ?shoulder; ?bird on shoulder",
    ),
    (
        "woman with a snake around her neck, tattoos, leather jacket, neon city street at night",
        "woman; snake; neck; tattoos; jacket; leather > jacket; city street; neon > city street",
    ),
    (
        "a pink flamingo standing in shallow water, its neck bent",
        "flamingo; pink > flamingo; water; shallow > water; neck",
    ),
    ("a plate with two eggs, bacon and a slice of toast", "plate; eggs; eggs: 2; bacon; toast"),
    (
        "a train crossing a viaduct above a green valley",
        "train; viaduct; valley; green > valley; ?train above valley",
    ),
    ("a white rabbit inside a hat", "rabbit; white > rabbit; hat; rabbit inside hat"),
    (
        "a mountain lake reflecting the sky, a red canoe in the foreground",
        "mountain lake; sky; canoe; red > canoe",
    ),
    ("a butterfly on the nose of a sleeping dog", "butterfly; nose; dog; butterfly on nose"),
    ("a street musician playing a violin while a child dances", "street musician; violin; child"),
    (
        "a yellow taxi in front of a skyscraper, people with umbrellas",
        "taxi; yellow > taxi; skyscraper; people; umbrellas; taxi in front of skyscraper",
    ),
    ("a samurai facing a demon, full moon between them", "samurai; demon; moon; full > moon"),
    ("a library with tall shelves, a ladder leaning against one", "library; shelves; tall > shelves; ladder"),
    (
        "(a blue vase:1.3) with [white] roses, (wilted:0.8) leaves",
        "vase; blue > vase; roses; white > roses; roses = Plants; leaves",
    ),
    ("a tiger and a lion, both wearing crowns", "tiger; lion; crowns"),
    ("the sky is orange", "sky; orange > sky; orange = Color"),
    (
        "her dress is rose and his coat is mint",
        "dress; rose > dress; rose = Color; coat; mint > coat; mint = Color",
    ),
    ("the walls are peach, the door is teal", "walls; peach > walls; peach = Color; door; teal > door"),
    ("a car, it is orange", "car; orange > car; orange = Color"),
    ("the fruit is an orange", "fruit; orange; orange = Fruits and Vegetables"),
    ("the orange is on the table", "orange; orange = Fruits and Vegetables; table; orange on table"),
    ("there are oranges in a bowl", "oranges; oranges = Fruits and Vegetables; bowl; ?oranges inside bowl"),
    ("the sand is light brown", "sand"),
    ("a house whose roof is red", "house; roof; red > roof"),
    ("a man whose torn hat is blue, a dog", "man; hat; torn > hat; blue > hat; dog"),
    ("a knight whose horse is on a bridge", "knight; horse; bridge; horse on bridge"),
]
"""Prompt, and its claims in reading order; "?" before those that are not sure enough to be checked."""


@pytest.mark.parametrize(("text", "claims"), READINGS)
def test_sentences(text, claims):
    found = [("" if claim.checked else "?") + claim.text for claim in read(text).all]
    assert found == claims.split("; ")
