"""Serves Canaille, a real application with poor SCIM, over an SQLite file in a folder.

Run by the environment that Canaille is installed in:

    python canaille_app.py FOLDER PORT

The first line says where it serves. The client `scim` with the secret `s3cret` gets a token at
`/oauth/token`.
"""

import os
import subprocess
import sys
from pathlib import Path

CONFIG = """
SECRET_KEY = "0123456789abcdef0123456789abcdef"
SERVER_NAME = "127.0.0.1:{port}"
PREFERRED_URL_SCHEME = "http"
[CANAILLE]
DATABASE = "sql"
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{folder}/canaille.sqlite"
[CANAILLE_SCIM]
ENABLE_SERVER = true
[CANAILLE_OIDC]
DYNAMIC_CLIENT_REGISTRATION_OPEN = true
"""
CLIENT = (
    *("create", "client", "--client-id", "scim", "--client-secret", "s3cret"),
    *("--client-name", "scim", "--client-uri", "http://127.0.0.1:9", "--scope", "openid"),
    *("--grant-types", "client_credentials"),
    *("--token-endpoint-auth-method", "client_secret_basic"),
)


def main(folder: Path, port: str) -> None:
    """Makes the database and the client, says where it is, and becomes the server."""
    config = folder / "canaille.toml"
    config.write_text(CONFIG.format(port=port, folder=folder))
    environment = {**os.environ, "CANAILLE_CONFIG": str(config)}
    program = str(Path(sys.executable).with_name("canaille"))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for arguments in (("install",), CLIENT):
        subprocess.run([program, *arguments], env=environment, check=True, **quiet)
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    os.execve(program, [program, "run", "--bind", f"127.0.0.1:{port}"], environment)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
