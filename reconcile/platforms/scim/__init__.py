"""Platforms of type `scim`: any service that speaks SCIM 2.0 (RFC 7643 and 7644).

`platform` is the adapter, `service` one service. `reading` proves that a read is complete,
`members` reads who is in which group, `users` and `groups` translate both ways, `writing` sends the
deltas and `verify` looks whether they were done. `http` is the one way to the service. `settings`
and `presets` say how services differ; `docs/platforms/scim.md` describes them for users.
"""
