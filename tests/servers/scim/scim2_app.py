"""Serves scim2-server with departments, attributes of our own, and names that are refused.

Run by the environment that scim2-server is installed in, not by that of the tests:

    python scim2_app.py

The first line says where it serves; every workspace is a tenant. `PUT /refuse/NAME` makes it refuse
users of this name, `PUT /refuse/` none any more.
"""

import io
import json
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

from scim2_schemas import DEPARTMENT, OWN  # type: ignore[import-not-found] # beside this file
from scim2_server.testserver import cli  # type: ignore[import-not-found] # in its environment


def attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "multiValued": False,
        "required": False,
        "caseExact": True,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
        **more,
    }


def arguments(folder: Path) -> list[str]:
    """The options of scim2-server, with files for the schemas."""
    resources = files("scim2_server") / "resources"
    schemas = json.loads((resources / "default-schemas.json").read_text())
    types = json.loads((resources / "default-resource-types.json").read_text())
    user = next(schema for schema in schemas if schema["id"].endswith(":core:2.0:User"))
    user["attributes"] += [attribute(name) for name in OWN]
    parent = attribute("parent", "complex", subAttributes=[attribute("value")])
    schemas.append(
        {
            "id": DEPARTMENT,
            "name": "Department",
            "attributes": [attribute("displayName", required=True), parent],
        }
    )
    types.append(
        {**types[1], "id": "Department", "name": "Department", "endpoint": "/Departments"}
        | {"description": "Department", "schema": DEPARTMENT}
    )
    for name, content in (("schemas", schemas), ("types", types)):
        (folder / name).write_text(json.dumps(content))
    return [
        *("--schema", str(folder / "schemas"), "--resource-type", str(folder / "types")),
        *("--bearer-token", "sekret", "--dynamic-tenants", "--port", "0"),
    ]


class Refusing:
    """In front of the application: it refuses users of some names."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._names: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path.startswith("/refuse/"):
            name = path.removeprefix("/refuse/")
            self._names = self._names | {name} if name else set()
            start_response("204 No Content", [])
            return [b""]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if self._names & names(body):
            start_response("400 Bad Request", [("Content-Type", "application/scim+json")])
            return [b'{"status": "400", "detail": "the application says no"}']
        return self._application(environ, start_response)


def names(body: bytes) -> set[str]:
    """The user names that a request wants to give."""
    if not body:
        return set()
    wanted = json.loads(body)
    found = {wanted.get("userName")}
    found |= {
        operation.get("value")
        for operation in wanted.get("Operations", ())
        if operation.get("path") == "userName"
    }
    return {name for name in found if name}


def serve(host: str, port: int, application: Any, **options: Any) -> Any:
    server = make_server(host, port, Refusing(application), **options)
    server.RequestHandlerClass.log_message = lambda *_: None
    server.RequestHandlerClass.protocol_version = "HTTP/1.1"
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    return server


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.argv[1:] = arguments(Path(folder))
        cli.make_server = serve
        cli.main()
