"""What people bring, in a browser: folders, a HEIC, a sideways JPEG, the webcam, odd names."""

import re
import zipfile

import numpy as np
import pillow_heif
import pytest
import torch
from PIL import Image
from throwaway import write_weights

from cnn_space.images.photo import open_square
from cnn_space.page.finetune import loose

expect = pytest.importorskip("playwright.sync_api").expect
MINUTE = 60_000
# A webcam whose picture is red at the left and blue at the right.
WEBCAM = """
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 240];
  const draw = () => {
    const paint = canvas.getContext("2d");
    paint.fillStyle = "red"; paint.fillRect(0, 0, 160, 240);
    paint.fillStyle = "blue"; paint.fillRect(160, 0, 160, 240);
  };
  draw(); setInterval(draw, 50);
  window.camera = canvas.captureStream(20);
  return window.camera;
};
"""
DROP = """(card, [name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  card.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""
RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(first, second, axis):
    """A photo of 64 × 64 pixels whose first half along ``axis`` has one colour."""
    pixels = np.empty((64, 64, 3), np.uint8)
    one, other = np.split(pixels, 2, axis)
    one[:], other[:] = first, second
    return Image.fromarray(pixels)


def photos_of(folder, channel, count=8):
    """Noise in one colour: any net tells the three apart."""
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng([channel, number]).integers(0, 90, (48, 64, 3))
        pixels[:, :, channel] += 150
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"IMG_{number}.png")


def has(images, axis, first, last):
    """Whether one of the images ([N, 3, H, W]) begins along ``axis`` (2: from above, 3: from the
    left) with one colour and ends with another."""
    ends = [images.narrow(axis, start, 8) for start in (0, images.shape[axis] - 8)]
    colors = [end.float().flatten(2).median(2).values for end in ends]
    off = [
        abs(c - torch.tensor(wanted)).amax(1)
        for c, wanted in zip(colors, (first, last), strict=True)
    ]
    return bool((torch.maximum(*off) < 30).any())


def test_odd_photos_and_a_nets_zip_in_classify(page, tmp_path):
    """The browser knows neither a suffix-less file nor a HEIC as a picture; the server does."""
    halves(RED, BLUE, 0).save(tmp_path / "photo", "JPEG")
    pillow_heif.from_pillow(halves(BLUE, RED, 0)).save(tmp_path / "phone.xyz")
    (tmp_path / "text").write_text("no photo")
    card, _ = write_weights(tmp_path, "lenet5.mine", "lenet5")
    with zipfile.ZipFile(tmp_path / "net.zip", "w") as archive:
        for file in (card, card.with_suffix(".safetensors")):
            archive.write(file, file.name)
    photo, chosen = page.locator("#classify-photo"), page.locator("#classify-net input")
    answer = page.locator("#classify-answer")
    answer.locator("li").first.wait_for()
    before = photo.locator("img").get_attribute("src")

    def drop(name):
        photo.locator("img").evaluate(DROP, [name, list((tmp_path / name).read_bytes())])

    # A net's zip, dropped on the photo: the photo stays, the net answers.
    drop("net.zip")
    expect(chosen).to_have_value(re.compile(r"^Lenet5 · CIFAR-10 .*yours"))
    page.locator("#classify-answer [data-label]").first.wait_for()
    assert photo.locator("img").get_attribute("src") == before

    drop("photo")
    seen = page.locator("#classify-seen img")
    expect(photo.locator("img")).not_to_have_attribute("src", before)
    expect(photo.locator("img")).to_have_js_property("naturalWidth", 64)
    drop("phone.xyz")
    expect(photo.locator("img")).to_have_attribute("src", re.compile(r"\.png$"))
    expect(photo.locator("img")).to_have_js_property("naturalWidth", 64)
    seen.wait_for()
    # The same through the dialog, which offers all files.
    photo.get_by_role("button", name="Remove Image").click()
    photo.locator("input[type=file]").set_input_files(tmp_path / "text")
    answer.get_by_text("not a picture").wait_for()
    # What is no zip is refused in our own words, which the visitor's language follows.
    page.locator("input[type=file]:has(+ #classify-zip)").set_input_files(tmp_path / "text")
    page.get_by_text("text is no .safetensors file and no .zip").wait_for()


def test_photos_class_by_class_become_a_net(browser, own_url, tmp_path, monkeypatch):
    sets, read = [], loose.read
    monkeypatch.setattr(loose, "read", lambda offer: sets.append(read(offer)) or sets[-1])
    for channel, name in enumerate(("rot", "grün")):
        photos_of(tmp_path / "pets" / name, channel)
    photos_of(tmp_path / "loose", 2)
    heic, sideways = tmp_path / "photo.heic", tmp_path / "sideways"  # without a suffix
    pillow_heif.from_pillow(halves((0, 0, 150), (0, 0, 250), 0)).save(heic)
    upright = halves(RED, BLUE, 0)
    exif = upright.getexif()
    exif[0x0112] = 6  # the phone was held upright: shown turned by 90 degrees clockwise
    upright.rotate(90).save(sideways, "JPEG", exif=exif, quality=95)
    large = tmp_path / "large.jpg"  # above a megabyte: reduced before it is uploaded
    rough = np.random.default_rng(0).integers(0, 256, (20, 15, 3), np.uint8)
    pixels = np.asarray(Image.fromarray(rough).resize((1500, 2000), Image.Resampling.BICUBIC))
    grain = np.random.default_rng(1).integers(-40, 40, pixels.shape)
    grainy = Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))
    grainy.rotate(90, expand=True).save(large, exif=exif, quality=95)

    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.add_init_script(WEBCAM)
    page = context.new_page()
    page.goto(own_url)
    page.get_by_role("tab", name="Fine-tune", exact=True).click()
    page.locator("#ft-samples img").first.wait_for()
    page.get_by_role("radio", name="My photos", exact=True).click()
    classes, data = page.locator(".ft-classes .ft-class"), page.locator("#ft-data")
    expect(classes).to_have_count(2)

    # A folder of folders takes the place of the two empty classes.
    page.locator("#ft-photos [data-kind=folder]").set_input_files(tmp_path / "pets")
    data.get_by_text("16 images in 2 classes").wait_for()
    expect(classes).to_have_count(2)
    # A third class: loose files, a HEIC, a JPEG that is dropped, and the webcam.
    page.get_by_role("button", name="Add a class", exact=True).click()
    page.keyboard.type("blau")
    page.keyboard.press("Tab")
    third = classes.nth(2)
    files = [*(tmp_path / "loose").iterdir(), heic, large]
    third.locator("[data-kind=files]").set_input_files(files)
    third.evaluate(DROP, ["sideways", list(sideways.read_bytes())])
    third.evaluate(DROP, ["photos.zip", []])  # holds classes of its own
    page.get_by_text("choose “My zip” above").wait_for()
    third.get_by_text("11 photos").wait_for()
    third.get_by_role("button", name="heic").wait_for()  # as this browser cannot show it
    third.get_by_role("button", name="Webcam", exact=True).click()
    third.get_by_role("button", name="Take a photo", exact=True).click()
    third.get_by_text("12 photos").wait_for()
    data.get_by_text("28 images in 3 classes").wait_for()
    assert data.get_by_text("left out").count() == 0
    images = sets[-1].images
    assert images.classes == ("blau", "grün", "rot") and images.counts == [12, 8, 8]
    assert has(images.images, 2, RED, BLUE)  # the sideways JPEG, upright
    assert has(images.images, 3, RED, BLUE)  # the webcam's, not mirrored
    assert not has(images.images, 3, BLUE, RED)
    uploaded = max(file.stat().st_size for file in (tmp_path / "gradio").rglob("large.jpg"))
    assert large.stat().st_size > 10**6 > uploaded
    seen = images.images[images.names.index("blau/large.jpg")].permute(1, 2, 0).numpy()
    whole = open_square(large.read_bytes(), images.side)
    assert np.abs(seen.astype(int) - np.asarray(whole)).mean() < 4

    # What was taken out is not learnt; other images may be looked at meanwhile.
    third.get_by_role("button", name="Take out sideways").click()
    data.get_by_text("27 images in 3 classes").wait_for()
    page.get_by_role("radio", name="Handwritten digits", exact=True).click()
    data.get_by_text("1,797 images in 10 classes").wait_for()
    assert page.evaluate("camera.getTracks()[0].readyState") == "ended"  # it is out of sight
    page.get_by_role("radio", name="My photos", exact=True).click()
    data.get_by_text("27 images in 3 classes").wait_for()

    page.locator("#ft-base input").click()
    page.get_by_role("option", name=re.compile("LeNet-5")).first.click()
    page.get_by_role("radio", name=re.compile("^Quick")).click()
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("[data-phase=finished]").wait_for(timeout=2 * MINUTE)
    page.locator("#ft-result").get_by_text(re.compile(r"\b\d+ of \d+\b")).first.wait_for()

    page.reload()
    expect(classes).to_have_count(3)
    third.get_by_text("11 photos").wait_for()
    expect(third.locator(".ft-thumbs img").first).to_have_js_property("naturalWidth", 64)
    third.get_by_role("button", name="Take out photo.heic").click()
    data.get_by_text("26 images in 3 classes").wait_for()
    context.close()
