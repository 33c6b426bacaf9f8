"""What scim2-server serves in the tests beyond the standard. Imported by its process too."""

DEPARTMENT = "urn:ietf:params:scim:schemas:acme:2.0:Department"
OWN = ("phone", "quote", "empty", "a", "b", "c", "kept", "gone", "json", "null", "nul")
"""The attributes of users that the contract suite uses."""
