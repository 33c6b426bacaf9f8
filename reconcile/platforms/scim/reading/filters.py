"""Filters, and whether what comes back was filtered at all: some services give everything."""

from reconcile.platforms.scim.connection.errors import Refused
from reconcile.platforms.scim.paths import Resource, equals
from reconcile.platforms.scim.reading.lists import Reader


def having(reader: Reader, endpoint: str, attribute: str, text: str) -> list[Resource]:
    """The resources with a value, as far as the service can look for it.

    What comes back is compared: a service that ignores filters gives strangers.
    """
    query = {"filter": equals(attribute, text), "startIndex": "1", "count": "10"}
    try:
        page = reader.page(endpoint, query)
    except Refused:
        return []
    return [resource for resource in page.resources if resource.get(attribute) == text]
