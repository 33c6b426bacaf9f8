"""Who approved a plan file."""

import msgspec


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed a plan file, as `allowed_signers` names the key."""

    principal: str
    fingerprint: str
    """Of the key, as in `SHA256:yQddq3SxfXx9io3xi8HzfbBohGut6gd6oKYSIrXRwTo`."""
