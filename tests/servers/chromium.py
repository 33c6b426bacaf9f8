"""Chromium without a window, driven by its own driver from Debian; nothing is downloaded.

Where it is not installed the test is skipped; under CI that is a failure.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.servers.slapd import program

PACKAGES: Final = "chromium chromium-driver"

_FLAGS: Final = (
    "--headless",
    "--no-sandbox",  # it refuses to run as root with one
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
)

Browser = webdriver.Chrome


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a profile of its own, which is gone when the block ends."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", PACKAGES)
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(program("chromedriver", PACKAGES)))
    try:
        yield browser
    finally:
        browser.quit()


def screen(browser: Browser, width: int, height: int, *, dark: bool = False) -> None:
    """The size of the screen, and which colours its owner prefers."""
    metrics: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics | {"mobile": width < 500})
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
