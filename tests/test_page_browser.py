"""The widgets in a headless Chromium, from a folder on the disk, as a reader opens them: the pixels
are MindSpore's, nothing is asked of a network, and any file gets a picture or a sentence."""

import base64
import io
import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import build_html
import mindspore as ms
import numpy as np
import pytest
from PIL import Image
from training_history import history_of

from cyclegan_lessons import (
    LessonConfig,
    LessonError,
    PatchDiscriminator,
    adversarial_loss,
    load_generator,
    receptive_field,
    render_orchard,
    translate,
)
from cyclegan_lessons.checkpoint import write_checkpoint
from cyclegan_lessons.export import export
from cyclegan_lessons.images import read_image
from cyclegan_lessons.inference import load_generators
from cyclegan_lessons.runs import RunFolder
from cyclegan_lessons.training import LOSS_NAMES, CycleGAN

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the program chromium is not installed")
STATIC = "The figure that is shown without JavaScript."
WIDGETS = ("translate", "receptive_field", "losses", "image_pool", "cycle", "training")
CONFIG = LessonConfig(image_size=32, base_channels=4, n_layers=1)
SIDE = load_generators()[2].picture_size  # of the model in the package: what is chosen at first


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run folder of ten steps with two samples and a checkpoint of untrained networks."""
    path = tmp_path_factory.mktemp("history") / "run"
    folder = RunFolder(path, CONFIG)
    for step in range(1, 11):
        losses = dict.fromkeys(LOSS_NAMES, 1 / step)
        folder.record({"step": step, "epoch": 0, "rate": 2e-4, **losses})
    for step in (5, 10):
        folder.save_sample(np.full((60, 40, 3), 20 * step, np.uint8), step)
    tensors = dict(CycleGAN(CONFIG).parameters_and_names())
    info = {"config": asdict(CONFIG), "step": 10}
    write_checkpoint(path / "checkpoints" / "step_0000010.ckpt", tensors, info)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run) -> Path:
    """A small book with all widgets, built by the real build, and then copied elsewhere."""
    work = tmp_path_factory.mktemp("page")
    book = work / "book"
    shutil.copytree(ROOT / "book" / "_static", book / "_static")
    for name in ("references.bib", "bibliography.md"):
        shutil.copy(ROOT / "book" / name, book / name)
    places = "\n".join(f"```{{widget}} {name}\n{STATIC}\n```\n" for name in WIDGETS)
    (book / "intro.md").write_text(f"# Widgets\n\nAfter {{cite:p}}`zhu2017`.\n\n{places}")
    (book / "training.json").write_text(json.dumps(history_of(run)))
    (work / "toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n  - file: bibliography\n"
    )
    build_html.build(book, ROOT / "_config.yml", work / "toc.yml", work)
    shutil.copytree(work / "html", work / "a copy")
    shutil.rmtree(work / "html")
    return work / "a copy"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, folder):
    """The page; at the end no script may have failed, and nothing but the folder was asked for."""
    context = browser.new_context(viewport={"width": 1000, "height": 900}, color_scheme="light")
    page, requests, errors = context.new_page(), [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(60_000)
    page.goto((folder / "intro.html").as_uri())
    yield page
    context.close()
    assert not errors
    allowed = (folder.as_uri() + "/", "data:", "blob:")
    assert requests and not [url for url in requests if not url.startswith(allowed)]


def widget(page, name: str):
    return page.locator(f".widget-live:has(+ [data-widget={name}])")


def opened(page):
    """The widget that translates, after its button was pressed."""
    place = widget(page, "translate")
    place.get_by_role("button", name="Translate pictures in this page").click()
    place.get_by_role("combobox", name="Direction").wait_for()
    return place


def wait_for(place, words: str):
    place.locator("[role=status]", has_text=words).first.wait_for()


def pixels(place, i: int) -> np.ndarray:
    """What the canvas number ``i`` shows, uint8 H×W×3."""
    address = place.locator("canvas").nth(i).evaluate("canvas => canvas.toDataURL()")
    image = Image.open(io.BytesIO(base64.b64decode(address.split(",")[1])))
    return np.asarray(image.convert("RGB"))


def assert_translated(place, direction="x2y", checkpoint=None):
    """The second picture is MindSpore's translation of the first, and the third of the second."""
    back = {"x2y": "y2x", "y2x": "x2y"}[direction]
    pictures = [pixels(place, i) for i in range(3)]
    for i, way in enumerate((direction, back)):
        expected = translate(load_generator(checkpoint, way), pictures[i])
        difference = abs(expected.astype(int) - pictures[i + 1])
        assert difference.max() <= 2 and difference.mean() < 0.05  # float16 weights
    assert abs(pictures[1].astype(int) - pictures[0]).mean() > 2  # something was changed


def give(place, path: Path):
    place.get_by_label("Your picture").set_input_files(path)


def save(image, path: Path, **options) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return render_orchard(1, 64, "x", seed=8).images[0]


def test_scenes_are_translated_as_mindspore_does(page):
    place = opened(page)
    place.get_by_role("button", name="Scene 3 with apples").click()
    wait_for(place, f"Done: {SIDE}×{SIDE} pixels.")
    assert_translated(place)
    expected = render_orchard(3, SIDE, "x", seed=2).images[2].astype(int)
    assert abs(pixels(place, 0) - expected).mean() < 4  # made smaller, and stored as WebP
    place.get_by_role("button", name="Scene 1 with oranges").click()
    wait_for(place, f"Done: {SIDE}×{SIDE} pixels.")
    place.get_by_text("F(y)", exact=True).wait_for()
    assert_translated(place, "y2x")
    place.get_by_role("combobox", name="Longest side").select_option("64")
    wait_for(place, "Done: 64×64 pixels.")
    assert_translated(place, "y2x")


def test_a_dropped_picture_of_an_odd_size_is_translated(page, scene):
    place, cut = opened(page), scene[:37, :50]
    file = io.BytesIO()
    Image.fromarray(cut).save(file, "PNG")
    transfer = page.evaluate_handle(
        """text => {
            const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "mine.png", { type: "image/png" }));
            return transfer;
        }""",
        base64.b64encode(file.getvalue()).decode(),
    )
    place.dispatch_event("drop", {"dataTransfer": transfer})
    wait_for(place, "Done: 50×37 pixels.")
    np.testing.assert_array_equal(pixels(place, 0), cut)
    assert_translated(place)
    with page.expect_download() as download:
        place.get_by_role("button", name="Save the translation").click()
    assert download.value.suggested_filename == "translation.png"
    saved = np.asarray(Image.open(download.value.path()).convert("RGB"))
    np.testing.assert_array_equal(saved, pixels(place, 1))


def test_pictures_of_every_kind_are_read_as_read_image_does(page, scene, tmp_path):
    """Transparent, grey, 16 bits, with a palette, turned by a camera, CMYK."""
    place = opened(page)
    image = Image.fromarray(scene[:40])
    alpha = Image.fromarray(np.arange(40 * 64, dtype=np.uint32).reshape(40, 64).astype(np.uint8))
    image.putalpha(alpha)
    turned = Image.Exif()
    turned[0x0112] = 6
    grey = np.asarray(Image.fromarray(scene).convert("L"))
    files = {
        save(image, tmp_path / "transparent.png"): 2,  # Pillow and the browser round differently
        save(grey, tmp_path / "grey.png"): 0,
        save(grey.astype(np.uint16) * 256, tmp_path / "deep.png"): 1,
        save(Image.fromarray(scene).convert("P"), tmp_path / "palette.png"): 0,
        save(scene[:40], tmp_path / "turned.jpg", quality=95, exif=turned): 4,
        save(Image.fromarray(scene).convert("CMYK"), tmp_path / "print.jpg", quality=95): 8,
    }
    for path, tolerance in files.items():
        expected = read_image(path).astype(int)
        give(place, path)
        wait_for(place, f"Done: {expected.shape[1]}×{expected.shape[0]} pixels.")
        shown = pixels(place, 0)
        assert shown.shape == expected.shape, path.name
        assert abs(shown - expected).max() <= tolerance, path.name


def test_a_huge_picture_is_made_smaller(page, tmp_path):
    place = opened(page)
    huge = Image.new("RGB", (8000, 6000), "white")
    huge.paste((200, 30, 20), (0, 0, 4000, 6000))
    give(place, save(huge, tmp_path / "huge.jpg"))
    wait_for(place, f"Done: {SIDE}×{SIDE * 3 // 4} pixels.")
    shown, middle = pixels(place, 0).astype(int), SIDE // 2
    assert abs(shown[:, : middle - 1] - (200, 30, 20)).max() < 6
    assert shown[:, middle + 1 :].min() > 249


def test_what_is_no_whole_picture_gets_a_sentence(page, scene, tmp_path):
    place = opened(page)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = {name: save(noise, tmp_path / name).read_bytes() for name in ("cut.png", "cut.jpg")}
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    contents = {
        "text.jpg": b"not a picture",
        "empty.png": b"",
        "cut.png": whole["cut.png"][:3000],
        "cut.jpg": whole["cut.jpg"][:1500],
        "drawing.svg": svg,
        "page.html": b"<script>alert(1)</script>",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        give(place, tmp_path / name)
        wait_for(place, f"{name} is not a whole picture that this browser can open; choose a JPEG")
    give(place, save(Image.new("1", (20000, 6000)), tmp_path / "wall.png"))
    wait_for(place, "wall.png has 20000×6000 pixels, which is too large; make it smaller")
    give(place, save(scene, tmp_path / "good.png"))  # and the widget still works
    wait_for(place, "Done: 64×64 pixels.")
    assert_translated(place)
    transfer = page.evaluate_handle("() => new DataTransfer()")
    place.dispatch_event("drop", {"dataTransfer": transfer})
    wait_for(place, "A picture file was expected; drop a JPEG or PNG file.")


def test_the_page_stays_awake_and_a_new_choice_gives_up_the_old_one(page):
    place = opened(page)
    place.get_by_role("combobox", name="Longest side").select_option("256")
    page.evaluate("""() => { window.frames_ = 0;
        const count = () => { window.frames_++; requestAnimationFrame(count); }; count(); }""")
    place.get_by_role("button", name="Scene 1 with apples").click()
    wait_for(place, "G(x) is being computed")
    before = page.evaluate("window.frames_")
    page.wait_for_function("document.querySelector('.widget-live progress').value > 0.2")
    assert page.evaluate("window.frames_") > before + 3
    place.get_by_role("combobox", name="Longest side").select_option("64")
    place.get_by_role("button", name="Scene 2 with apples").click()
    wait_for(place, "Done: 64×64 pixels.")
    page.wait_for_timeout(500)  # the large one would arrive later
    assert pixels(place, 1).shape == (64, 64, 3)
    assert_translated(place)


def test_all_of_it_works_from_the_keyboard(page):
    place = widget(page, "translate")
    place.get_by_role("button", name="Translate pictures in this page").focus()
    page.keyboard.press("Enter")
    place.get_by_role("combobox", name="Direction").wait_for()
    page.keyboard.press("Tab")  # the first scene had the focus
    page.keyboard.press("Space")
    wait_for(place, "Done")
    chosen = place.get_by_role("button", name="Scene 2 with apples")
    assert chosen.get_attribute("aria-pressed") == "true"
    score = widget(page, "losses").get_by_role("slider", name="Score s")
    score.focus()
    page.keyboard.press("ArrowRight")
    wait_for(widget(page, "losses"), "At s = -0.9:")


def test_a_missing_file_of_the_folder_is_named(browser, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    scenes = (copy / "_static" / "widgets" / "scenes.js").rename(tmp_path / "scenes.js")
    page = browser.new_page()
    page.goto((copy / "intro.html").as_uri())
    place = widget(page, "cycle")
    place.get_by_role("button", name="Go round in this page").click()
    place.get_by_text("scenes.js could not be loaded; the folder _static/widgets").wait_for()
    scenes.rename(copy / "_static" / "widgets" / "scenes.js")
    place.get_by_role("button", name="Go round in this page").click()
    place.get_by_role("button", name="Go round five times").wait_for()
    page.close()


@pytest.mark.parametrize(("target", "real"), [("1", True), ("0", False)])
def test_the_losses_are_those_of_the_package(page, target, real):
    place = widget(page, "losses")
    place.get_by_role("combobox").select_option(target)
    for score in (-3.5, 0.0, 2.5):
        place.get_by_role("slider").fill(str(score))
        words = [f"At s = {score:.1f}: least squares "]
        for kind in ("lsgan", "log"):
            loss = ms.value_and_grad(lambda s: adversarial_loss(s, real, kind))
            value, slope = (float(number) for number in loss(ms.Tensor(score, ms.float32)))
            words.append(f"{value:.3f} with slope {slope:.3f}")
        wait_for(place, f"{words[0]}{words[1]}; log form {words[2]}.".replace("-0.000", "0.000"))


def test_the_receptive_field_is_that_of_the_package(page, run):
    place = widget(page, "receptive_field")
    for n_layers in range(1, 6):
        field = receptive_field(PatchDiscriminator(base_channels=1, n_layers=n_layers))
        place.get_by_role("combobox", name="n_layers").select_option(str(n_layers))
        wait_for(place, f"{field}×{field} pixels.")
    place.get_by_role("combobox", name="n_layers").select_option("3")
    place.get_by_role("img", name="The map of 14×14 scores").locator("rect").nth(14 * 6 + 6).click()
    wait_for(place, "row 6, column 6 of 14×14 sees rows 25 to 94 and columns 25 to 94: 70×70")
    score = history_of(run)["patch"]["map"][6][6]
    place.get_by_text(f"gives this patch the score {score:.2f}.").wait_for()


def test_the_pool_fills_and_then_keeps_its_size(page):
    place = widget(page, "image_pool")
    for i in range(5):
        place.get_by_role("button", name="Next fake").click()
        wait_for(place, f"Fake {i} is stored and shown: the pool is filling.")
    place.get_by_role("button", name="A thousand more").click()
    assert place.get_by_role("listitem").count() == 5
    said = place.get_by_text("Shown so far: 1005,").inner_text()
    old, mean = re.search(r"of which (\d+) were old, with a mean age of ([\d.]+)\. ", said).groups()
    old, mean = int(old), float(mean)
    assert 400 < old < 600 and 7 < mean < 14  # half of 1000, and about twice the size
    place.get_by_role("combobox").select_option("0")
    place.get_by_role("button", name="A thousand more").click()
    place.get_by_text("Shown so far: 1000, of which 0 were old").wait_for()


def test_five_rounds_are_those_of_mindspore(page):
    place = widget(page, "cycle")
    place.get_by_role("button", name="Go round in this page").click()
    place.get_by_role("button", name="Go round five times").click()
    wait_for(place, "After 5 rounds")
    G, F = load_generator(), load_generator(direction="y2x")
    x = pixels(place, 0)
    image = x
    for i in range(5):
        image = translate(F, translate(G, image))
        assert abs(image.astype(int) - pixels(place, 2 + i)).mean() < 0.5  # it adds up
    error = abs(pixels(place, 6).astype(int) - x).mean() / 255
    wait_for(place, f"differs from x by {error:.3f}")
    place.get_by_role("slider", name="Noise").fill("64")
    place.get_by_text("G(x) + noise 64").wait_for()
    clean = translate(G, x).astype(int)
    noise = (pixels(place, 1) - clean)[(clean > 100) & (clean < 155)]
    assert 50 < noise.std() < 70 and abs(noise.mean()) < 5


def test_the_training_is_that_of_the_run(page, run):
    place = widget(page, "training")
    place.get_by_role("button", name="Move through a whole training run").click()
    wait_for(place, "Step 5: G 0.200, F 0.200")
    place.get_by_role("slider").fill("1")
    wait_for(place, "Step 10: G 0.100, F 0.100")
    shown = place.get_by_role("img", name="Test pictures and their translations at step 10")
    colour = shown.evaluate(
        """async image => { await image.decode(); const canvas = document.createElement("canvas");
        const context = canvas.getContext("2d"); context.drawImage(image, 0, 0);
        return [...context.getImageData(5, 5, 1, 1).data]; }"""
    )
    assert abs(np.array(colour[:3]) - 200).max() <= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_names_contrast_and_width(browser, folder, scheme, width):
    """axe finds nothing in the widgets, and none of them is wider than the window."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto((folder / "intro.html").as_uri())
    for name in ("Translate pictures in", "Go round in", "Move through a whole"):
        page.get_by_role("button", name=name).click()
    place = widget(page, "translate")
    place.get_by_role("button", name="Scene 1 with apples").click()
    wait_for(place, "Done")
    found = axe.Axe().run(page, context={"include": [[".widget-live"]]})
    failures = [
        (failure["id"], node["html"])
        for failure in found.response["violations"]
        for node in failure["nodes"]
    ]
    assert not failures
    shown = " ".join(page.locator(".widget-live").all_inner_texts())
    assert not re.findall(r"\b(?:[a-z_]+\.[a-z]|undefined|NaN)", shown)  # a text without its words
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_without_javascript_the_figure_stays(browser, folder):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "intro.html").as_uri())
    assert page.get_by_text(STATIC).count() == len(WIDGETS)
    assert all(page.get_by_text(STATIC).nth(i).is_visible() for i in range(len(WIDGETS)))
    assert not page.locator(".widget-live").count()
    context.close()


def test_a_page_of_ones_own_model_is_one_file(browser, run, scene, tmp_path):
    """In another folder, with nothing beside it."""
    (path,) = export(run, tmp_path / "send", "web")
    context = browser.new_context()
    page, requests = context.new_page(), []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    place = page.locator(".widget-live")
    give(place, save(scene[:33], tmp_path / "mine.png"))
    wait_for(place, "Done: 32×17 pixels.")  # of 64×33: the model's own size is 32
    assert pixels(place, 0).shape == (17, 32, 3)
    place.get_by_role("combobox", name="Longest side").select_option("64")
    wait_for(place, "Done: 64×33 pixels.")
    checkpoint = run / "checkpoints" / "step_0000010.ckpt"
    assert_translated(place, checkpoint=checkpoint)
    place.get_by_role("combobox", name="Direction").select_option("Y to X")
    place.get_by_text("F(y)", exact=True).wait_for()
    wait_for(place, "Done: 64×33 pixels.")
    assert_translated(place, "y2x", checkpoint)
    assert not [url for url in requests if not url.startswith((path.as_uri(), "data:", "blob:"))]
    context.close()


def test_a_page_without_widgets_loads_none_of_it(folder):
    assert "widgets/" not in (folder / "bibliography.html").read_text(encoding="utf-8")
    assert "widgets/model.js" not in (folder / "intro.html").read_text(encoding="utf-8")


def test_a_run_without_samples_has_no_history(tmp_path):
    with pytest.raises(LessonError, match="should be a run folder with a history, samples and a"):
        history_of(tmp_path)
