"""The report in a real browser: what a reader does with it, by mouse, keyboard, phone and paper."""

import functools
import http.server
import itertools
import threading
import time

import pytest

from tests.report.browser import chromium, contrast
from trendbench.generators.recipes import unranked_families
from trendbench.leaderboard.board import rows
from trendbench.results.store import read_all

TAB, ENTER, ESCAPE, RIGHT = "\ue004", "\ue007", "\ue00c", "\ue014"
ROWS = "#board tr[data-order]"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(running, page):
    """The page, open; afterwards the console must be silent and nothing asked for elsewhere."""
    running.open(page.as_uri())
    yield running
    console, asked = running.logs()
    assert console == []
    home = page.parent.as_uri()
    assert [url for url in asked if not url.startswith(home)] == []
    assert asked


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.02)


def names(browser, selector=f"{ROWS}:not([hidden]) th a"):
    return browser.js("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)",
                      selector)  # fmt: skip


def shown(board):
    """Rows in the order of the page: those that use the inputs, the others, the reference rows."""
    tasks = itertools.groupby(board, key=lambda row: (row["task"], row["data"]))
    aside = unranked_families()

    def place(row):
        return 2 if row["family"] in aside else not row["conditional"]

    return [row for _, task in tasks for row in sorted(task, key=place)]


def anchor(browser, task):
    """Where a task's first section is on the page."""
    return browser.js(
        "return [...document.querySelectorAll('#filter-task option')].find("
        "o => o.textContent.startsWith(`${arguments[0]}, `)).value", task
    )  # fmt: skip


def show_in_scatter(browser, task):
    """Choose a task's first section for the scatter, and say which option that is."""
    group = str(int(anchor(browser, task)[len("task-") :]) - 1)
    choose(browser, "#scatter-group", group)
    return group


def choose(browser, selector, value):
    browser.js(
        "const s = document.querySelector(arguments[0]); s.value = arguments[1];"
        "s.dispatchEvent(new Event('input', {bubbles: true}))",
        selector, value,
    )  # fmt: skip


def test_a_column_sorts_up_down_and_back(browser, results):
    board = names(browser)
    assert board == [row["arch"] for row in shown(rows(read_all(results)))]
    table = "#board .task:has([id^=row-nf32-]) table"  # its rows do not all have the score
    own = f"{table} tr[data-order]"
    before = names(browser, f"{own} th a")
    head = f"{table} th[data-name=retention_error]"
    button = browser.one(f"{head} button")
    seen = []
    for order, sign in (("ascending", 1), ("descending", -1)):
        button.click()
        assert browser.one(head).get_attribute("aria-sort") == order
        assert len(browser.all("#board th[aria-sort=ascending], #board th[aria-sort=descending]")
                   ) == 1  # fmt: skip
        found = browser.js(
            "return [...document.querySelector(arguments[0]).tBodies[0].querySelectorAll("
            "'tr[data-order] td[data-name=retention_error]')].map(c => c.dataset.value ? "
            "Number(c.dataset.value) : null)",
            table,
        )
        known = [v for v in found if v is not None]
        assert known == sorted(known, key=lambda v: sign * v)
        assert found == known + [None] * (len(found) - len(known))  # empty cells last
        seen.append(names(browser, f"{own} th a"))
    assert seen[0] != seen[1]
    button.click()
    assert browser.one(head).get_attribute("aria-sort") == "none"
    assert names(browser) == board
    assert names(browser, f"{own} th a") == before
    browser.one(f"{table} th[data-sort=text] button").click()
    assert browser.one(f"{table} tbody tr").get_attribute("class") == "truth"


def test_rows_are_filtered_by_text_family_flags_and_status(browser, results):
    board = shown(rows(read_all(results)))

    def expect(condition):
        wanted = [row["arch"] for row in board if condition(row)]
        assert 0 < len(wanted) < len(board)
        assert names(browser) == wanted
        assert names(browser, "details.card:not([hidden]) h3") == wanted
        assert browser.one("#count").text == f"{len(wanted)} of {len(board)} rows"

    assert not browser.one("[id^=row-null-white-]").is_displayed()  # folded
    browser.one("#filter-words").send_keys("Null WHITE")
    assert all(row.is_displayed() for row in browser.all("[id^=row-null-white-]"))  # unfolded
    expect(lambda row: row["arch"] == "null-white")
    browser.one("#filter button").click()
    until(lambda: len(names(browser)) == len(board))
    assert not browser.one("[id^=row-null-white-]").is_displayed()
    task = anchor(browser, "trend-v1")
    choose(browser, "#filter-task", task)
    expect(lambda row: row["task"] == "trend-v1")
    assert [e.get_attribute("id") for e in browser.all("section.task:not([hidden])")] == [task]
    assert browser.one("#scatter-group").get_attribute("value") == str(int(task[5:]) - 1)
    choose(browser, "#filter-task", "")
    choose(browser, "#filter-family", "study-2017")
    expect(lambda row: row["family"] == "study-2017")
    choose(browser, "#filter-flags", "none")
    expect(lambda row: row["family"] == "study-2017" and not row["flags"])
    choose(browser, "#filter-family", "")
    choose(browser, "#filter-flags", "any")
    expect(lambda row: row["flags"])
    choose(browser, "#filter-flags", "is grey")
    expect(lambda row: "grey" in row["flags"].split(";"))
    choose(browser, "#filter-flags", "")
    choose(browser, "#filter-status", "self-reported")
    expect(lambda row: row["status"] == "self-reported")
    browser.one("#filter-words").send_keys(".*[")  # not a pattern, just letters
    assert browser.one("#count").text == f"0 of {len(board)} rows"


def test_a_row_opens_its_card_with_everything_on_it(browser):
    browser.one(f"{ROWS}[id^=row-nf8-] td[data-name=xi_ratio]").click()  # anywhere on the row
    card = browser.one("details.card[data-row^=row-nf8-]")
    assert card.get_attribute("open")
    assert browser.focused("return document.activeElement.id").startswith("card-nf8-")
    assert browser.js("const r = document.activeElement.getBoundingClientRect();"
                      "return r.top >= 0 && r.top < innerHeight")  # fmt: skip
    text = card.text
    for words in ("Density profile ξ(k)", "Lineal path", "Retention", "95 % interval", "sha256:",
                  "Training, seed 0", "Training, seed 1"):  # fmt: skip
        assert words in text
    until(lambda: browser.js("const i = document.querySelector('details[open] img');"
                             "return i.complete && i.naturalWidth === 4 * 64 + 3 * 8"))  # fmt: skip
    drawn = "const b = arguments[0].querySelector('svg path.model').getBBox(); return b.width"
    assert browser.js(drawn, card) > 200
    browser.one("details[open] .back a").click()
    assert browser.focused("return document.activeElement.textContent") == "nf8"


def test_a_link_to_a_card_opens_it(browser, page):
    anchor = browser.one("[id^=card-nf16-]").get_attribute("id")
    browser.open(f"{page.as_uri()}#{anchor}")
    assert browser.js("return document.getElementById(arguments[0]).closest('details').open",
                      anchor)  # fmt: skip
    assert len(browser.all("details.card[open]")) == 1


def test_samples_are_enlarged(browser):
    browser.js("document.querySelector('details.card[data-row^=row-nf8-]').open = true")
    link = browser.one("details[open] a.zoom")
    browser.js("arguments[0].focus()", link)
    browser.press(ENTER)
    until(lambda: browser.js("return document.getElementById('zoom-image').clientWidth >= 280"))
    before = browser.js("return document.getElementById('zoom-image').clientWidth")
    browser.one("#zoom-in").click()
    assert browser.js("return document.getElementById('zoom-image').clientWidth") == 2 * before
    browser.press("-")
    assert browser.js("return document.getElementById('zoom-image').clientWidth") == before
    browser.press(ESCAPE)
    assert not browser.js("return document.getElementById('zoom').open")
    assert browser.focused("return document.activeElement.className") == "zoom"


def test_any_two_scores_are_plotted(browser, results):
    group = show_in_scatter(browser, "small")
    data = browser.one(f"#scatter-group option[value='{group}']").get_attribute("textContent")
    shown = [row for row in rows(read_all(results)) if f"data {row['data']}" in data]
    points = browser.all("#scatter-plot a.point")
    assert len(points) == len([r for r in shown if r["xi_ratio"] and r["s2_error"]])
    label = points[0].get_attribute("aria-label")
    assert "ξ/floor (xi_ratio)" in label
    assert "S₂ (s2_error)" in label
    choose(browser, "#scatter-x", "parameters")
    choose(browser, "#scatter-y", "retention_error")
    labels = [p.get_attribute("aria-label") for p in browser.all("#scatter-plot a.point")]
    assert len(labels) == len([r for r in shown if r["parameters"] and r["retention_error"]])
    assert all("retention (retention_error)" in text for text in labels)
    assert "have no positive value here" in browser.one("#scatter-reading").text
    ticks = names(browser, "#scatter-plot text.x")
    browser.one("#scatter-x-log").click()
    assert names(browser, "#scatter-plot text.x") != ticks
    choose(browser, "#filter-flags", "none")
    kinds = {p.get_attribute("class") for p in browser.all("#scatter-plot a.point")}
    assert not any("flagged" in kind for kind in kinds)
    # far apart on both axes, a value stands where its number says
    spots = browser.js(
        "return [...document.querySelectorAll('#scatter-plot circle.dot')].map(c => "
        "[Number(c.getAttribute('cx')), Number(c.getAttribute('cy'))])"
    )
    assert all(40 <= x <= 1000 and 0 <= y <= 500 for x, y in spots)


def test_the_scatter_is_walked_by_keyboard(browser):
    show_in_scatter(browser, "small")
    browser.js("document.querySelector('#scatter-plot a.point').focus()")
    assert len(browser.all("#scatter-plot a.point[tabindex='0']")) == 1
    first = browser.focused("return document.activeElement.getAttribute('aria-label')")
    browser.press(RIGHT)
    second = browser.focused("return document.activeElement.getAttribute('aria-label')")
    assert first != second
    assert browser.one("#scatter-reading").text == second
    browser.press(ENTER)
    name = second.split(":")[0]
    assert names(browser, "details.card[open] h3") == [name]


def test_everything_is_reached_by_keyboard_alone(browser):
    """Tab from the top: skip link, filter, a sort button, a row, its card, its samples."""

    def walk_to(condition, most=60):
        for _ in range(most):
            browser.press(TAB)
            outline = browser.js(
                "const s = getComputedStyle(document.activeElement);"
                "return [s.outlineStyle, parseFloat(s.outlineWidth)]"
            )
            assert outline[0] != "none", browser.focused()
            assert outline[1] >= 1, browser.focused()
            if browser.js(f"const e = document.activeElement; return {condition}"):
                return
        raise AssertionError("not reached by Tab")

    walk_to("e.className === 'skip'", 1)
    walk_to("e.id === 'filter-words'")
    walk_to("e.closest('th')?.dataset.name === 'xi_ratio'")
    browser.press(ENTER)
    assert browser.one("#board th[data-name=xi_ratio]").get_attribute("aria-sort") == "ascending"
    walk_to("e.textContent === 'nf8' && e.closest('#board')")
    browser.press(ENTER)
    assert browser.focused("return document.activeElement.id").startswith("card-nf8-")
    walk_to("e.className === 'zoom'")
    browser.press(ENTER)
    until(lambda: browser.js("return document.getElementById('zoom').open"))
    browser.press(ESCAPE)
    walk_to("e.hasAttribute('download')")


def test_hostile_texts_stay_texts(browser):
    browser.js("document.querySelectorAll('details').forEach(d => { d.open = true })")
    choose(browser, "#scatter-y", "xi")
    browser.one(f"{ROWS}[id^=row-aaa] th a").click()
    assert browser.js("return window.hacked") is None
    scripts = "return [...document.scripts].map(s => s.getAttribute('src'))"
    assert browser.js(scripts) == ["report.js"]
    assert "<script>window.hacked = 1</script>" in browser.one("details[data-row^=row-aaa]").text


def test_the_policy_stops_what_gets_in_nevertheless(running, page):
    """Break the escaping by hand: an inline handler, an inline style, a picture from afar."""
    running.open(page.as_uri())
    running.js(
        "document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.1:9/x.png\" "
        'onerror="window.hacked = 1"><p id="evil" style="position: fixed">x</p>\')'
    )
    time.sleep(0.2)
    assert running.js("return window.hacked") is None
    assert running.js("return getComputedStyle(document.getElementById('evil')).position"
                      ) == "static"  # fmt: skip
    console, _ = running.logs()
    assert any("Content Security Policy" in message for message in console)


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_nothing_is_off_the_screen(browser, page, width):
    browser.open(page.as_uri(), width=width, height=740)

    def wide(selector="html"):
        return browser.js("return Math.max(...[...document.querySelectorAll(arguments[0])].map("
                          "e => e.scrollWidth - e.clientWidth))", selector)  # fmt: skip

    assert wide() <= 0
    assert wide("#board .wide") <= 0  # nor does the board scroll in its frame
    browser.js("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert wide() <= 0
    ends = browser.js(
        "return [...document.querySelectorAll('svg[role=img], .flag, .remark')].map("
        "e => e.getBoundingClientRect()).map(b => [b.left, b.right, b.width])"
    )
    assert len(ends) > 100
    assert all(0 <= left < right <= width and across > 4 for left, right, across in ends)
    browser.one("#every-column").click()
    assert wide() <= 0
    if width < 500:
        assert wide("#board .wide") <= 0
    browser.one(f"{ROWS}[id^=row-nf8-] th a").click()
    assert wide() <= 0


@pytest.mark.parametrize("width", [390, 1280])
def test_every_row_shows_a_sample_and_a_profile_or_why_not(browser, page, width):
    browser.open(page.as_uri(), width=width)
    browser.js("document.querySelectorAll('.controls').forEach(d => { d.open = true })")
    places = browser.js(
        "return [...document.querySelectorAll('#board tr[data-order]')].map(r => ["
        "r.closest('section').id + r.id, "
        "...[...r.querySelectorAll('.picture > *')].map(e => { const b = e.getBoundingClientRect();"
        "return [e.tagName, e.textContent.trim(), b.width, b.height]; })])"
    )
    assert all(len(place) == 3 for place in places)
    assert all(across > 60 and down > 60 for _, *two in places for _, _, across, down in two)
    small = anchor(browser, "small")
    by_name = {name.rsplit("-", 1)[0]: [e[:2] for e in two] for name, *two in places}
    assert by_name[f"{small}row-nf8"] == [["A", ""], ["svg", ""]]
    why = [["SPAN", "no samples recorded"], ["SPAN", "no curves recorded"]]
    assert by_name[f"{small}row-nf16"] == why
    loaded = ("const i = document.querySelector('#board [id^=row-nf8-] img');"
              "i.scrollIntoView(); return i.complete && i.naturalHeight === 32")  # fmt: skip
    until(lambda: browser.js(loaded))
    drawn = (
        "return [...document.querySelectorAll('#board .profile use')].map(u => u.getBBox().width)"
    )
    assert min(browser.js(drawn)) > 200


def test_a_sample_in_a_row_opens_its_sheet(browser):
    browser.one("[id^=row-nf8-] a.zoom").click()
    until(lambda: browser.js("return document.getElementById('zoom-image').naturalWidth") == 280)
    assert browser.one("#zoom-name").text.startswith("nf8: s1, s2")
    assert not browser.all("details.card[open]")
    browser.press(ESCAPE)


def test_negative_controls_are_folded(browser, results):
    folded = "return [...document.querySelectorAll('details.controls tr[data-order]')].map("\
             "r => r.dataset.family)"  # fmt: skip
    wanted = sum(r["family"] == "reference" for r in rows(read_all(results)))
    until(lambda: len(browser.js(folded)) == wanted)  # a loaded machine may still be reading it
    assert set(browser.js(folded)) == {"reference"}
    assert not browser.all("details.controls[open]")
    anchor = browser.one("[id^=card-null-white-]").get_attribute("id")
    browser.js("location.hash = arguments[0]", anchor)
    until(lambda: browser.one(f"#{anchor}").is_displayed())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_contrast(browser, page, scheme):
    browser.open(page.as_uri(), prefers_color_scheme=scheme)
    paper = browser.colour("--page")
    assert (sum(paper) / 3 < 0.2) == (scheme == "dark")
    body = browser.js("return getComputedStyle(document.body).backgroundColor")
    assert body == "rgb({}, {}, {})".format(*(round(255 * c) for c in paper))
    for name in ("--ink", "--muted", "--model", "--truth"):
        for ground in ("--page", "--soft"):
            assert contrast(browser.colour(name), browser.colour(ground)) >= 4.5, (name, ground)


def test_it_prints_what_is_open(browser, page):
    browser.open(page.as_uri(), media="print", prefers_color_scheme="dark")
    shown = "return arguments[0].checkVisibility()"
    assert browser.js("return getComputedStyle(document.body).backgroundColor"
                      ) == "rgb(255, 255, 255)"  # fmt: skip
    assert browser.js(shown, browser.one("#board"))
    assert not browser.js(shown, browser.one("#filter-words"))
    assert not browser.js(shown, browser.one("details[data-row^=row-nf8-]"))
    browser.js("document.querySelector('details[data-row^=row-nf8-]').open = true")
    assert browser.js(shown, browser.one("details[data-row^=row-nf8-] .scores"))
    assert browser.js("return getComputedStyle(document.querySelector('.board')).overflowX"
                      ) == "visible"  # fmt: skip
    printed = browser.cdp("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
    assert len(printed["data"]) > 20_000


def test_it_moves_only_for_those_who_like_it(browser, page):
    motion = "return getComputedStyle(document.documentElement).scrollBehavior"
    assert browser.js(motion) == "auto"
    browser.open(page.as_uri(), prefers_reduced_motion="no-preference")
    assert browser.js(motion) == "smooth"


def test_it_reads_without_scripts(running, page):
    """The table, the cards behind its links, and no controls that would do nothing."""
    from selenium.webdriver.common.by import By

    running.open(page.as_uri(), script=False)
    driver = running.driver
    assert not driver.find_element(By.ID, "filter").is_displayed()
    assert driver.find_element(By.ID, "scatter-without").is_displayed()
    driver.find_element(By.CSS_SELECTOR, f"{ROWS}[id^=row-nf8-] th a").click()
    body = driver.find_element(By.CSS_SELECTOR, "[id^=card-nf8-]")
    until(body.is_displayed)
    assert "Density profile" in body.text
    running.open(page.as_uri())
    assert not running.one("#scatter-without").is_displayed()


def test_it_works_from_a_server_too(running, page):
    handler = functools.partial(_Quiet, directory=str(page.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            home = f"http://127.0.0.1:{server.server_address[1]}/"
            running.open(f"{home}index.html")
            until(lambda: running.all("#board th button"))  # get() may return before the script ran
            console, asked = running.logs()
            running.open("about:blank")
        finally:
            server.shutdown()
            thread.join()
    assert [line for line in console if "favicon" not in line] == []
    paths = {url.removeprefix(home) for url in asked}
    assert {path for path in paths if not path.startswith("thumbs/")} <= {
        "index.html", "report.css", "report.js", "favicon.ico",
    }  # fmt: skip


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass
