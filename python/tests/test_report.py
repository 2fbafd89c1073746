"""The pages that `tenon report` and `tenon show --before-after` write, in a real Chromium."""

import os
import shutil
import subprocess

import pytest

playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def program():
    path = os.environ.get("TENON_PROGRAM")
    if not path:
        pytest.skip("TENON_PROGRAM names no tenon program")
    return path


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(program, tmp_path_factory):
    file = tmp_path_factory.mktemp("report") / "report.html"
    subprocess.run([program, "report", "resnet18_v2", "--threads", "1", "-o", str(file)], check=True)
    return file


@pytest.fixture
def page(browser, report):
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    opened.problems = []
    opened.on("console", lambda message: opened.problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("request", lambda request: opened.problems.append(request.url) if request.url.startswith("http") else None)
    opened.goto(report.as_uri())
    yield opened
    assert opened.problems == []
    opened.close()


def test_is_small(report):
    assert report.stat().st_size < 2 << 20


def test_shows_both_graphs(page):
    assert page.locator("#before svg .node").count() == 70  # 69 operators and the input
    assert 2 <= page.locator("#after svg .node").count() < 20


def test_a_click_unfolds_and_folds(page):
    folded = page.locator("#after svg .node").count()
    before = page.locator("#after").screenshot()
    page.locator("#after svg .node").last.click()
    assert page.locator("#after svg .cluster").count() >= 1
    assert page.locator("#after svg .node").count() > folded
    assert page.locator("#after").screenshot() != before
    page.locator("#fold").click()
    assert page.locator("#after svg .node").count() == folded


def test_the_same_page_looks_the_same(page):
    page.mouse.move(5, 5)
    first = page.screenshot()
    page.reload()
    page.mouse.move(5, 5)
    assert page.screenshot() == first


def test_hover_tells(page):
    page.locator("#before svg .node").nth(2).hover()
    text = page.locator("#about").inner_text()
    assert "Convolution" in text and "float32 (1,64,112,112)" in text and "kernel=(7, 7)" in text


def test_keyboard_reaches_boxes(page):
    page.locator("#after svg .node").last.focus()
    assert "operators of the model" in page.locator("#about").inner_text()
    page.keyboard.press("Enter")
    assert page.locator("#after svg .cluster").count() >= 1


def test_search_finds_a_node(page):
    page.locator("#search").fill("stage4_conv1")
    assert page.locator("#count").inner_text().startswith("1 before")
    assert page.locator("#before svg .hit").count() == 1
    assert page.locator("#before svg .hit").is_visible()
    page.locator("#search").fill("")
    assert page.locator("#before svg .hit").count() == 0


def test_names_together_and_apart(page):
    nodes = page.locator("#before svg .node")
    every = nodes.count()
    page.locator("#scopes").click()
    closed = nodes.count()
    assert closed < every / 3
    page.locator("#search").fill("stage4_conv1_fwd")
    assert page.locator("#count").inner_text().startswith("1 before")  # the scope that holds it
    scope = page.locator("#before svg .hit")
    scope.hover()
    assert "operators of this name" in page.locator("#about").inner_text()
    scope.focus()
    page.keyboard.press("Enter")
    assert page.locator("#before svg .cluster").count() == 1
    assert closed < nodes.count() < every
    page.locator("#before svg .cluster text").click()
    assert page.locator("#before svg .cluster").count() == 0 and nodes.count() == closed
    page.locator("#scopes").click()
    assert nodes.count() == every


def test_zoom_and_pan(page):
    box = "document.querySelector('#before svg').getAttribute('viewBox')"
    start = page.evaluate(box)
    page.locator("#before").hover()
    page.mouse.wheel(0, -400)
    zoomed = page.evaluate(box)
    assert float(zoomed.split()[2]) < float(start.split()[2])
    page.mouse.down()
    page.mouse.move(300, 300)
    page.mouse.up()
    assert page.evaluate(box) != zoomed


def test_tables_sort_and_filter(page):
    steps = page.locator("section", has_text="Steps").filter(has=page.locator("h2", has_text="Steps")).last
    all_rows = steps.locator("tbody tr").count()
    assert all_rows > 69  # those before, and fewer after
    steps.get_by_label("filter rows").fill("Pooling")
    assert 0 < steps.locator("tbody tr").count() < all_rows
    steps.get_by_label("filter rows").fill("")
    for direction in (1, -1):
        steps.get_by_role("button", name="ms", exact=True).click()
        times = [float(cell) for cell in steps.locator("tbody tr td:nth-child(6)").all_inner_texts()]
        assert times == sorted(times, reverse=direction < 0)


def test_dark_and_light(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) != light


def test_a_thousand_nodes(browser, program, tmp_path):
    file = tmp_path / "large.html"
    subprocess.run([program, "show", "densenet201", "--before-after", str(file)], check=True)
    opened = browser.new_page()
    opened.goto(file.as_uri())
    assert opened.locator("#before svg .node").count() < 40  # together by their names
    opened.locator("#scopes").click()
    assert opened.locator("#before svg .node").count() > 700
    opened.locator("#search").fill("stage4_conv60")
    assert opened.locator("#before svg .hit").count() == 1
    opened.close()
