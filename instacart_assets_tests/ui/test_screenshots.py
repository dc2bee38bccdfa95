"""The pictures of the documentation are those that the script takes, and are small."""

from io import BytesIO

from PIL import Image

from instacart_assets_tests.project_tree import ROOT
from instacart_assets_tests.ui.screenshots import PICTURES, WIDTH, shrink

IMAGES = ROOT / "docs" / "images"


def test_every_picture_of_the_documentation_is_one_that_the_script_takes() -> None:
    assert {path.stem for path in IMAGES.glob("*.png")} == set(PICTURES)


def test_every_picture_is_small() -> None:
    for name, picture in PICTURES.items():
        path = IMAGES / f"{name}.png"
        assert Image.open(path).size == (WIDTH, picture.height), name
        assert path.stat().st_size < 100_000, name


def test_a_picture_keeps_its_size_and_loses_colours() -> None:
    written = BytesIO()
    Image.radial_gradient("L").convert("RGB").save(written, "PNG")
    small = Image.open(BytesIO(shrink(written.getvalue())))
    assert (small.size, small.mode) == ((256, 256), "P")
