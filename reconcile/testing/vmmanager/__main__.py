"""Serves the stand-in until the process is ended; the first line says where.

python -m reconcile.testing.vmmanager --users 2000 --accounts accounts.json
"""

import argparse
import sys
from pathlib import Path

import msgspec

from reconcile.testing.vmmanager.server import EMAIL, PASSWORD, VmManagerStandIn, listening
from reconcile.testing.vmmanager.unknowns import Unknowns


def main() -> None:
    """Reads the options, fills the service, and serves."""
    parser = argparse.ArgumentParser(
        prog="python -m reconcile.testing.vmmanager",
        description="VMmanager 6 in memory, as it is documented, for tests and trials.",
        epilog=f"It has one account, {EMAIL} with the password {PASSWORD}.",
    )
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--users", type=int, default=0, help="how many users it has")
    parser.add_argument(
        "--accounts", help="a file of JSON: a list of accounts, each with login, role, machines …"
    )
    parser.add_argument(
        "--unknowns", default="{}", help="as JSON: names of Unknowns and their values"
    )
    options = parser.parse_args()
    service = VmManagerStandIn(msgspec.json.decode(options.unknowns, type=Unknowns))
    service.fill(options.users)
    if options.accounts:
        for account in msgspec.json.decode(Path(options.accounts).read_bytes()):
            service.store.add(**account)
    with listening(service, options.port) as server:
        sys.stdout.write(f"{service.url}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
