"""The four pictures of the home page and the README, out of the notebooks."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from nbformat.v4 import new_output

from tools import tiles
from utils import plots


@pytest.mark.parametrize("tile", [tiles.Tile("99", "x", ""), tiles.Tile("03", "no-such-cell", "")])
def test_a_tile_of_what_there_is_not(tile):
    with pytest.raises(tiles.Missing, match="shows nothing"):
        tiles.shown(tile)


def test_a_figure_on_a_tile_keeps_its_description():
    output = new_output("display_data", {"image/png": "QUJD\n"}, metadata={"image/png": {"alt": 'A "cell"'}})
    assert tiles.picture(output) == '<img src="data:image/png;base64,QUJD" alt="A &quot;cell&quot;">'


def test_few_photos_on_a_tile_and_no_blank_line():
    photos = "".join(f"<figure>{n}\n\n</figure>" for n in range(5))
    shown = tiles.picture(new_output("display_data", {"text/html": f"<div>{photos}</div>"}))
    assert shown.count("<figure>") == tiles.PHOTOS
    assert "\n\n" not in shown


def test_what_no_tile_can_show():
    with pytest.raises(tiles.Missing, match="text/plain"):
        tiles.picture(new_output("display_data", {"text/plain": "x"}))


def test_a_coloured_text_is_drawn_line_by_line():
    text = "To <be>,\n" + "x" * (tiles.COLUMNS + 1)
    svg = ET.fromstring(tiles.drawn(plots.colored_text(text, [0.5] * len(text)).data))
    name = "{http://www.w3.org/2000/svg}"
    lines = [line.text for line in svg.iter(f"{name}text")]
    assert lines == ["To <be>,↵", "x" * tiles.COLUMNS, "x"]
    ground, *boxes = svg.iter(f"{name}rect")
    assert (ground.get("fill"), len(boxes)) == ("white", len(text))
    assert {(box.get("fill"), box.get("fill-opacity")) for box in boxes} == {("rgb(86,180,233)", "0.50")}


def test_photos_are_taken_out_with_what_is_said_of_them():
    shown = plots.captioned([np.zeros((8, 8, 3), np.uint8)] * 3, ['a "dog"', "b", "c"], width=8)
    output = new_output("display_data", {"text/html": shown.data})
    photos = tiles.stored_photos(output)
    assert [said for _, said in photos] == ["a &quot;dog&quot;", "b"]
    assert all(content.startswith(b"\xff\xd8") for content, _ in photos)


def test_the_readme_shows_every_file():
    table = tiles.table("folder")
    assert table.count("<td") == len(tiles.TILES) == 4
    for name in tiles.files():
        assert f'<img src="folder/{name}"' in table
    assert table.count("alt=") == table.count("<img")
    assert 'alt=""' not in table
