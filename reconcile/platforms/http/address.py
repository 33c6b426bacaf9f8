"""The URL of a platform that is a service."""

from typing import Final
from urllib.parse import quote, urlsplit

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.model import desired

WORKSPACE: Final = "{workspace}"
"""In the URL, the place of the workspace's name."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_open(base: str) -> bool:
    """Whether passwords and tokens would go over a network unencrypted."""
    parts = urlsplit(base)
    return parts.scheme != "https" and parts.hostname not in LOOPBACK


def base_url(platform: desired.Platform, workspace: str, service: str) -> str:
    """The base URL of a workspace. Several workspaces need a place for their name in it.

    `service` is what messages call it, as in "a SCIM service". Raises PlatformUnreadable and
    UsageError.
    """
    if platform.url is None:
        raise PlatformUnreadable("the platform has no url")
    url = platform.url.reveal()
    if len(platform.workspaces) > 1 and WORKSPACE not in url:
        raise UsageError(
            f"the platform has {len(platform.workspaces)} workspaces, and a service is "
            f"one: put {WORKSPACE} into url, where the name of the workspace belongs"
        )
    base = url.replace(WORKSPACE, quote(workspace, safe=""))
    if not base.startswith(("https://", "http://")):
        raise PlatformUnreadable(
            f"the url of the platform is no address of {service}: it begins with https://"
        )
    return base
