"""The page of a plan in a real browser: filters, keys, print, hostile text, and a single request."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.ui import WebDriverWait

from reconcile.model.change import Change, Digests, Plan, Scope, Skip, Violation
from reconcile.model.notice import Notice
from reconcile.model.report import Showing
from reconcile.render.html import page
from tests.servers.chromium import Browser, chromium, screen

pytestmark = pytest.mark.server

EVIL = (
    "</script><script>document.title='broken'</script><!-- <img src=x onerror=document.title=1>"
    " javascript:alert(1) \u2028 \u202e {{script}} &lt;b&gt;"
)


def change(number: int) -> Change:
    """A third each of new, changed and blocked users, in two departments."""
    name = f"user{number:05d}"
    department = f"Company/Team {number % 2}"
    if number % 3 == 0:
        after = {"username": name, "email": f"{name}@example.com", "department": department}
        return Change("user", "create", name, None, after, "new in corp", "corp", "main")
    if number % 3 == 1:
        before, after = {"email": "old@example.com"}, {"email": f"{name}@example.com"}
        return Change("user", "update", name, before, after, "changed in corp", "corp", "main")
    before, after = {"status": "active"}, {"status": "blocked"}
    return Change("user", "block", name, before, after, "missing in partners", "partners", "main")


def plan_of(number: int) -> Plan:
    evil = Change("group", "create", EVIL, None, {"name": EVIL, EVIL: EVIL}, EVIL, "corp", "main")
    return Plan(
        "1",
        "2026-11-29T14:00:00Z",
        ("reconcile.yml", EVIL),
        (),
        Scope(),
        Digests("0" * 64, {}, {"main": ""}),
        (evil, *map(change, range(number))),
        (Skip("main", "corp", EVIL, EVIL, "missing_field", EVIL, exists=True),),
        (Violation("main", "users_lost", "corp", EVIL, 5, EVIL),),
        notices=(Notice("finds_nothing", EVIL, "groups[0]", "reconcile.yml:1:2"),),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[[Plan], None]]:
    """Opens the page of a plan from a file; the browser has nothing to complain of at the end."""

    def opened(plan: Plan) -> None:
        file = tmp_path / "plan.html"
        file.write_text(page(plan, Showing(name=EVIL, digest="ab" * 32)), encoding="utf-8")
        browser.get(file.as_uri())

    screen(browser, 1280, 900)
    yield opened
    assert browser.get_log("browser") == []
    assert browser.title.startswith("reconcile plan </script>")


def count(browser: Browser) -> str:
    return browser.find_element(By.ID, "count").text


def rows(browser: Browser) -> int:
    return len(browser.find_elements(By.CSS_SELECTOR, "#list > .row"))


def focused(browser: Browser) -> Any:
    return browser.switch_to.active_element


def test_filters_keys_and_departments(browser: Browser, opened: Callable[[Plan], None]) -> None:
    opened(plan_of(60))
    assert count(browser) == "61 changes"
    assert browser.find_element(By.TAG_NAME, "h1").text == (
        "Plan: 21 to add, 20 to change, 20 to remove."
    )
    headings = [each.text for each in browser.find_elements(By.CSS_SELECTOR, "#list > .group")]
    assert headings == ["Losses: 20", "Groups: 1", "Users: 40"]
    # By text, in names and values alike, with the keys alone.
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    focused(browser).send_keys("USER00001 example.com")
    assert count(browser) == "1 of 61 changes"
    focused(browser).send_keys(Keys.ESCAPE)
    assert count(browser) == "61 changes"
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys("j")
    focused(browser).send_keys("j")
    assert "user00005" in focused(browser).text
    focused(browser).send_keys("k")
    focused(browser).send_keys(Keys.ENTER)
    body = WebDriverWait(browser, 10).until(
        expected.presence_of_element_located((By.CSS_SELECTOR, ".row[open] .body"))
    )
    assert body.text.split() == ["status", "blocked", "now"]
    # By kind, effect, action and source; the chart is a filter, too.
    for field, value, shown in (
        ("kind", "group", "1"),
        ("sign", "-", "20"),
        ("action", "update", "20"),
        ("source", "partners", "20"),
    ):
        select = browser.find_element(By.ID, field)
        select.find_element(By.CSS_SELECTOR, f"option[value='{value}']").click()
        assert count(browser) == f"{shown} of 61 changes"
        browser.find_element(By.ID, "clear").click()
    browser.find_element(By.CSS_SELECTOR, "#chart button.remove").click()
    assert count(browser) == "20 of 61 changes"
    browser.find_element(By.ID, "clear").click()
    # A department leads to what changes in it and below it.
    browser.find_element(By.ID, "tab-departments").click()
    nodes = browser.find_elements(By.CSS_SELECTOR, "#list > .node")
    assert [node.text.split("\n") for node in nodes] == [
        ["Company"],
        ["Team 0", "+10 joining"],
        ["Team 1", "+10 joining"],
    ]
    nodes[0].click()
    assert count(browser) == "20 of 61 changes"
    browser.find_element(By.ID, "department").click()
    assert count(browser) == "61 changes"
    # The tabs follow the arrow keys.
    browser.find_element(By.ID, "tab-changes").send_keys(Keys.ARROW_LEFT)
    assert count(browser) == "1 notices"
    focused(browser).send_keys(Keys.ARROW_LEFT)
    assert "Fill in the field in the directory" in browser.find_element(By.ID, "list").text


def test_hostile_text_stays_text(browser: Browser, opened: Callable[[Plan], None]) -> None:
    opened(plan_of(0))
    shown = EVIL.replace("\u2028", "\\u2028").replace("\u202e", "\\u202e")
    browser.execute_script("document.querySelector('.row').open = true")
    text = browser.execute_script(
        "return [...document.querySelectorAll('header, #violations, .row')]"
        ".map(e => e.textContent).join(' ')"
    )
    assert text.count(shown) >= 7
    assert "\u202e" not in text
    for tab in ("skips", "notices"):
        browser.find_element(By.ID, f"tab-{tab}").click()
        assert shown in browser.execute_script("return document.getElementById('list').textContent")
    assert browser.find_elements(By.CSS_SELECTOR, "img, iframe, a, object, [onerror]") == []
    scripts = browser.execute_script("return document.scripts.length")
    assert scripts == 2, "the data and ours"
    # Whatever gets in cannot run, or load anything.
    blocked = browser.execute_async_script(
        "const done = arguments[0]; const blocked = [];"
        "addEventListener('securitypolicyviolation', e => { blocked.push(e.effectiveDirective);"
        "  if (blocked.length === 3) done(blocked.sort()); });"
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'document.title=1'}));"
        "document.body.append(Object.assign(document.createElement('img'), {src: 'x.png'}));"
        "document.body.append(Object.assign(document.createElement('style'), {textContent: '*{}'}));"
    )
    assert blocked == ["img-src", "script-src-elem", "style-src-elem"]
    browser.get_log("browser")  # which reports the three


def test_the_filtered_list_is_printed(browser: Browser, opened: Callable[[Plan], None]) -> None:
    opened(plan_of(2400))
    assert rows(browser) < 1000, "more come as the end comes near"
    browser.execute_script(
        "addEventListener('beforeprint', () => { window.printed = ["
        "document.querySelectorAll('#list > .row').length,"
        "document.querySelectorAll('#list > .row[open] > .body').length,"
        "document.getElementById('count').textContent]; })"
    )
    browser.find_element(By.CSS_SELECTOR, "#sign option[value='-']").click()
    browser.find_element(By.ID, "text").send_keys("partners user0000")
    assert browser.print_page()
    assert browser.execute_script("return printed") == [
        3,
        3,
        "3 of 2,401 changes: to remove, “partners user0000”",
    ]
    assert browser.find_elements(By.CSS_SELECTOR, ".row[open]") == []
    browser.find_element(By.ID, "clear").click()
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    number, opened_rows, text = browser.execute_script("return printed")
    assert 1900 < number == opened_rows <= 2000
    assert text.startswith("2,401 changes; the first 2,000 are printed")
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    browser.find_element(By.ID, "all").click()
    WebDriverWait(browser, 60).until(lambda _: rows(browser) == 2401)


def test_phone_and_dark(browser: Browser, opened: Callable[[Plan], None]) -> None:
    opened(plan_of(9))
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = browser.execute_script(ground)
    screen(browser, 390, 844, dark=True)
    assert browser.execute_script(ground) != light
    for tab in ("changes", "departments", "skips", "notices"):
        browser.find_element(By.ID, f"tab-{tab}").click()
        wide = "return document.documentElement.scrollWidth > innerWidth"
        assert not browser.execute_script(wide), tab


class _Counting(SimpleHTTPRequestHandler):
    """Serves a folder and notes what is asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


def test_a_page_is_one_request(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "plan.html").write_text(page(plan_of(3), Showing()), encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Counting, directory=str(tmp_path)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        browser.get(f"http://127.0.0.1:{server.server_port}/plan.html")
        assert count(browser) == "4 changes"
        browser.find_element(By.ID, "tab-skips").click()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert _Counting.asked == ["/plan.html"]
    assert browser.get_log("browser") == []
