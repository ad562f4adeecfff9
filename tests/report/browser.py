"""A real headless Chromium on the report, and what it says of colours and requests."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATIENCE = 60  # seconds
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip


@contextmanager
def chromium(profile: Path) -> Iterator["Browser"]:
    """A browser of one's own; the test is skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its chromedriver is installed (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    running = webdriver.Chrome(options=options, service=service)
    running.set_script_timeout(10)
    try:
        yield Browser(running)
    finally:
        running.quit()


class Browser:
    """What the tests ask of a page."""

    def __init__(self, driver):
        self.driver = driver

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def open(self, url, *, width=1280, height=900, script=True, media="", **features):
        """Load a page afresh; features are media features such as prefers_color_scheme."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
        self.cdp("Emulation.setScriptExecutionDisabled", value=not script)
        wanted = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        still = [{"name": "prefers-reduced-motion", "value": "reduce"}]
        self.cdp("Emulation.setEmulatedMedia", media=media, features=[*still, *wanted])
        self.driver.get("about:blank")
        self.logs()
        self.driver.get(url)
        end = time.monotonic() + _PATIENCE
        while self.js("return document.readyState") != "complete":  # on a busy machine not yet
            assert time.monotonic() < end, f"{url} did not load"
            time.sleep(0.02)

    def logs(self):
        """Messages of the console, and addresses asked for, since the last call."""
        console = [entry["message"] for entry in self.driver.get_log("browser")]
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        asked = [event["params"]["request"]["url"] for event in events
                 if event["method"] == "Network.requestWillBeSent"]  # fmt: skip
        return console, asked

    def press(self, *keys):
        """Press keys one after another, on whatever has the focus."""
        from selenium.webdriver.common.action_chains import ActionChains

        chain = ActionChains(self.driver, duration=0)
        for key in keys:
            chain.send_keys(key)
        chain.perform()

    def focused(self, what="return document.activeElement.outerHTML"):
        return self.js(what)

    def colour(self, name):
        """A colour of the style sheet as (r, g, b) in 0 … 1."""
        text = self.js(
            "const e = document.createElement('i'); e.style.color = `var(${arguments[0]})`;"
            "document.body.append(e); const c = getComputedStyle(e).color; e.remove(); return c",
            name,
        )
        return [int(part) / 255 for part in text[text.index("(") + 1 : -1].split(",")[:3]]


def contrast(one, two):
    """Contrast ratio of WCAG 2: (L₁ + 0.05)/(L₂ + 0.05), L the relative luminance."""

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted([luminance(one), luminance(two)], reverse=True)
    return (high + 0.05) / (low + 0.05)
