"""Serves the stand-in until the process is ended; the first line says where.

python -m reconcile.testing.scim --users 20000 --delay 0.02
"""

import argparse
import sys

import msgspec

from reconcile.testing.scim.quirks import Quirks
from reconcile.testing.scim.server import TOKEN, ScimStandIn, listening


def main() -> None:
    """Reads the options, fills the service, and serves."""
    parser = argparse.ArgumentParser(
        prog="python -m reconcile.testing.scim",
        description="A SCIM service in memory, for tests of what is to talk to one.",
        epilog=f"Its bearer token is {TOKEN}.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--users", type=int, default=0, help="how many users it has")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that an answer takes")
    parser.add_argument("--quirks", default="{}", help="as JSON: names of Quirks and their values")
    options = parser.parse_args()
    quirks = msgspec.json.decode(options.quirks, type=Quirks)
    service = ScimStandIn(quirks)
    service.fill(options.users)
    quirks.delay = options.delay or quirks.delay
    with listening(service, options.port) as server:
        sys.stdout.write(f"{service.url}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
