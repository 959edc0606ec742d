"""The page in a real browser: what is on the incidents topic is seen, found, read and never run."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from confluent_kafka import Producer
from playwright.sync_api import Browser, Page, expect

from stream_app.cli.demo import SCENE
from tests.console.conftest import NAMES, Send, Watched
from tests.consoles import ConsoleProcess, cleared, encoded, incident

ROWS = "#rows tr"
SCRIPT = "<script>alert('run')</script>"
IMAGE = '"><img src=x onerror="alert(\'run\')">'


def titles(page: Page) -> list[str]:
    """Give the titles in the list, from the top."""
    return page.locator(f"{ROWS} .open").all_inner_texts()


def test_incidents_appear_without_a_reload_newest_first_and_are_cleared_in_place(page: Page, send: Send) -> None:
    """Two come in their order; the older one's end changes its line, which stays where it is, with its focus."""
    older = send(incidentTitle="the older one")
    expect(page.locator(ROWS)).to_have_count(1)
    send(incidentTitle="the newer one")
    expect(page.locator(f"{ROWS} .open")).to_have_text(["the newer one", "the older one"])
    page.locator(f"{ROWS} .open").nth(1).focus()
    page.evaluate("document.querySelector('#rows tr:last-child').dataset.same = 'yes'")
    send({**older, "revision": 2, "activity": "update", "count": 7})
    expect(page.locator(ROWS).nth(1).locator(".c-count")).to_have_text("7")
    expect(page.locator(ROWS).nth(1).locator(".c-status")).to_have_text("open")
    send(cleared({**older, "revision": 2, "count": 7}))
    expect(page.locator(ROWS).nth(1).locator(".c-status")).to_have_text("cleared")
    assert ["the newer one", "the older one"] == titles(page)
    assert page.evaluate("document.activeElement.closest('tr').dataset.same") == "yes"
    send({**older, "revision": 1, "count": 99})  # what a crash sends again changes nothing
    send(incidentTitle="the newest one")
    expect(page.locator(ROWS)).to_have_count(3)
    assert "7" == page.locator(ROWS).nth(2).locator(".c-count").inner_text()


def test_filters_find_incidents_and_stand_in_the_address(watched: Watched, page: Page, send: Send, host: str) -> None:
    """Severity, status, words and rule each leave what they let through, also of what comes later."""
    send(incidentTitle="low", eventSeverity=2, eventSeverityCat="LOW")
    send(incidentTitle="high", eventSeverity=9, eventSeverityCat="HIGH", ruleId="PYTHON_MANY_ADDRESSES")
    over = send(incidentTitle="over", procName="C:\\Temp\\Größe.exe")
    send(cleared(over))
    expect(page.locator(f"{ROWS} .status-cleared")).to_have_count(1)
    page.select_option("[name=severity]", "9")
    expect(page.locator(f"{ROWS} .open")).to_have_text(["high"])
    expect(page.locator("#summary")).to_have_text("1 incident")
    page.select_option("[name=severity]", "")
    page.select_option("[name=status]", "cleared")
    expect(page.locator(f"{ROWS} .open")).to_have_text(["over"])
    page.select_option("[name=status]", "")
    page.fill("[name=text]", "GRÖSSE temp\\")
    expect(page.locator(f"{ROWS} .open")).to_have_text(["over"])
    page.fill("[name=text]", "")
    page.select_option("[name=rule]", label="One python process reaches ten addresses in five minutes")
    expect(page.locator(f"{ROWS} .open")).to_have_text(["high"])
    send(incidentTitle="another rule's")
    later = send(incidentTitle="later", ruleId="PYTHON_MANY_ADDRESSES")
    expect(page.locator(f"{ROWS} .open")).to_have_text(["later", "high"])
    assert f"/?rule=PYTHON_MANY_ADDRESSES&host={host}" == page.evaluate("location.pathname + location.search")
    again = watched.open(page.url)
    expect(again.locator(f"{ROWS} .open")).to_have_text(["later", "high"])
    expect(again.locator("[name=rule]")).to_have_value("PYTHON_MANY_ADDRESSES")
    page.select_option("[name=status]", "open")
    expect(page.locator(f"{ROWS} .open")).to_have_text(["later", "high"])
    send(cleared(later))  # what the filter does not let through any more leaves
    expect(page.locator(f"{ROWS} .open")).to_have_text(["high"])
    page.fill("[name=host]", "nowhere")
    expect(page.locator("#empty")).to_be_visible()
    page.click("button[type=reset]")
    expect(page.locator("[name=host]")).to_have_value("")


def test_what_a_record_holds_is_text_wherever_it_is_shown(
    watched: Watched, console: ConsoleProcess, send: Send, producer: Producer, host: str
) -> None:
    """Tags in a title, a rule, a host, a command, an attribute's name and a record are read, and nothing runs.

    Marks that turn the direction of writing and control characters are spelt out.
    """
    producer.produce(NAMES.sysmon, encoded({"hostName": IMAGE, "command": SCRIPT, "eventType": "x"}), partition=2)
    producer.flush(10)
    send(
        hostName=f"{IMAGE}{host}", incidentTitle=f"{SCRIPT}{host}", ruleId=IMAGE, command=f"{SCRIPT}\x1b[31m\x00",
        procName="C:\\Temp\\annexe\u202etxt.exe", triggeringEventList=["sysmon/2@0", f"{SCRIPT}/0@0", "incidents/0@0"],
        **{IMAGE: "named"},
    )  # fmt: skip
    page = watched.open(f"{console.address}/?text={host}")
    expect(page.locator(f"{ROWS} .open")).to_have_text(f"{SCRIPT}{host}")
    expect(page.locator(f"{ROWS} .c-host")).to_have_text(f"{IMAGE}{host}")
    expect(page.locator("#rules")).to_contain_text(IMAGE)
    page.click(f"{ROWS} .open")
    detail = page.locator("dialog")
    expect(detail).to_contain_text(f"{SCRIPT}U+001B[31mU+0000")
    expect(detail).to_contain_text("annexeU+202Etxt.exe")
    detail.get_by_text("Evidence").click()
    expect(detail.locator("pre")).to_contain_text(SCRIPT)
    expect(detail.get_by_text("this is no place on the topic of records")).to_have_count(2)
    assert 0 == page.locator("img, main script, dialog script, #rows script").count()
    with pytest.raises(Exception, match="TrustedHTML"):  # nor could markup be made of a text
        page.evaluate("document.body.innerHTML = '<p>'")
    watched.forgiven = "TrustedHTML"


def test_an_incident_is_explained_by_its_records_and_its_rule(page: Page, send: Send, producer: Producer) -> None:
    """The detail shows all fields, the record behind the incident, and why the rule matched it."""
    scene = SCENE.read_bytes().splitlines()
    record = next(line for line in scene if b'"EventID": 3,' in line and b"198.51.100.23" in line)
    producer.produce(NAMES.sysmon, record, partition=1)
    producer.flush(10)
    one = send(triggeringEventList=["sysmon/1@0", "sysmon/1@77"])
    page.click(f"{ROWS} .open")
    detail = page.locator("dialog")
    expect(detail.locator("h2")).to_have_text(one["incidentTitle"])
    detail.get_by_text("Evidence").click()
    expect(detail.locator("pre")).to_contain_text('"Hostname": "ANALYST-LT07.corp.example"')
    expect(detail).to_contain_text("partition 1 ends with offset 0")
    detail.get_by_text("Why: what").click()
    expect(detail.locator(".tree")).to_contain_text('true procName REGEXP ".*python.*"', timeout=30_000)
    expect(detail).to_contain_text("triggers: 1 event of this evidence in the window of 300 s")
    send({**one, "revision": 2, "activity": "update", "count": 5, "incidentCount": 5})
    expect(detail).to_contain_text("5 triggers of 5 events")  # it is shown while it changes
    detail.get_by_text("All fields").click()
    expect(detail).to_contain_text(one["incidentId"])


def test_everything_can_be_done_by_keyboard(page: Page, send: Send) -> None:
    """The skip link leads to the list; arrows move, Enter opens, Esc closes and gives the focus back.

    A slash leads to the words that are looked for.
    """
    for number in range(3):
        send(incidentTitle=f"number {number}")
        expect(page.locator(ROWS)).to_have_count(number + 1)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="number 2")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("button", name="number 1")).to_be_focused()
    assert "solid" == page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="number 1")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="number 1")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("[name=text]")).to_be_focused()


def test_a_list_that_is_held_stands_still_until_it_goes_on(page: Page, send: Send) -> None:
    """What comes meanwhile is counted, and is there afterwards."""
    send(incidentTitle="before")
    expect(page.locator(ROWS)).to_have_count(1)
    page.click("#pause")
    send(incidentTitle="meanwhile")
    expect(page.locator("#summary")).to_contain_text("HELD: 1 changes wait")
    assert ["before"] == titles(page)
    page.click("#pause")
    expect(page.locator(f"{ROWS} .open")).to_have_text(["meanwhile", "before"])


def test_rules_say_how_often_and_when_they_fired(page: Page, send: Send, host: str) -> None:
    """Each rule of the folder is there, those that never fired too; one leads to its incidents."""
    send()
    fired = page.locator("#rules tr", has_text="Windows: Python Initiated Connection")
    expect(fired.locator("td").nth(3)).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    quiet = page.locator("#rules tr", has_text="A program that Office started calls out")
    expect(quiet.locator("td").nth(3)).to_have_text("never")
    quiet.locator("button").click()
    expect(page.locator("#empty")).to_be_visible()
    assert f"/?rule=OFFICE_CHILD_CONNECTS&host={host}" == page.evaluate("location.pathname + location.search")


def test_a_thousand_incidents_a_second_leave_the_page_readable(
    watched: Watched, console: ConsoleProcess, producer: Producer, host: str
) -> None:
    """For three seconds: the newest are shown while they come, at most 500 of them, and the page answers a click."""
    page = watched.open(f"{console.address}/?host={host}")
    page.wait_for_selector("#link[data-state=live]")
    began, sent, slowest = time.monotonic(), 0, 0.0
    while (passed := time.monotonic() - began) < 3:
        for number in range(sent, int(passed * 1000)):
            one = incident(host, incidentTitle=f"number {number}")
            producer.produce(NAMES.incidents, encoded(one), one["incidentId"])
            sent = number + 1
        producer.poll(0)
        asked = time.monotonic()
        assert page.locator(ROWS).count() <= 500
        slowest = max(slowest, time.monotonic() - asked)
    producer.flush(10)
    assert slowest < 3, "the page did not answer while incidents came"
    expect(page.locator("#summary")).to_contain_text(f"newest 500 of {sent:,} incidents")
    assert int(page.locator(f"{ROWS} .open").first.inner_text().split()[1]) > sent - 50
    expect(page.locator(ROWS)).to_have_count(500)
    page.locator(f"{ROWS} .open").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_in_light_and_dark_and_on_a_small_screen(
    browser: Browser, console: ConsoleProcess, send: Send, host: str, scheme: Any
) -> None:
    """axe-core finds nothing in the list, in the detail and at 360 pixels; nothing is wider than the screen there."""
    send(eventSeverity=9, eventSeverityCat="HIGH")
    send(eventSeverity=2, eventSeverityCat="LOW")
    send(cleared(send(procName="turned\u202eround")))
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{console.address}/?host={host}")
    expect(page.locator(ROWS)).to_have_count(3)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((each) => each < 60)")
    assert (scheme == "dark") == dark
    page.evaluate(AXE_FILE_PATH.read_text())
    violations = {"list": _violations(page)}
    page.locator(f"{ROWS} .open").first.click()
    page.locator("dialog").get_by_text("Evidence").click()
    expect(page.locator("dialog h3")).not_to_have_count(0)
    violations["detail"] = _violations(page)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 360, "height": 740})
    violations["small"] = _violations(page)
    assert {"list": [], "detail": [], "small": []} == violations
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def _violations(page: Page) -> list[str]:
    """Give what axe-core finds, each with its first place."""
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]


def test_a_token_is_asked_for_by_a_form_and_kept_in_a_cookie_that_no_script_reads(
    watched: Watched, servers: str, folder: Path
) -> None:
    """Without it nothing is shown; a wrong one leads back to the form; the right one to the live list."""
    watched.forgiven = "Failed to load resource"
    with ConsoleProcess(folder / "log", {"bootstrap_servers": servers, "web_token": "a-token"}) as process:
        page = watched.open(process.address)
        expect(page.get_by_label("Token of this console")).to_be_focused()
        assert 401 == watched.context.request.get(f"{process.address}/api/incidents").status
        page.keyboard.type("a-guess")
        page.keyboard.press("Enter")
        page.wait_for_url("**/?wrong")
        page.get_by_label("Token of this console").fill("a-token")
        page.keyboard.press("Enter")
        page.wait_for_selector("#link[data-state=live]")
        (cookie,) = watched.context.cookies()
        assert (True, "Strict") == (cookie["httpOnly"], cookie["sameSite"])
        assert "a-token" not in cookie["value"]
        assert "" == page.evaluate("document.cookie")
        assert 0 == process.terminate()
        expect(page.locator("#link")).to_contain_text("no connection to the console")
        process.restart()  # its cookies died with it, and the page asks again
        expect(page.get_by_label("Token of this console")).to_be_visible()
        assert "a-token" not in process.said()
