"""Platforms of type `scim`: any service that speaks SCIM 2.0 (RFC 7643 and 7644).

`platform` is the adapter, `service` is one service. `reading` proves that a read is complete,
`mapping` translates both ways, `writing` sends deltas and looks whether they were done,
`connection` is the one way to the service. `settings` and `presets` say how services differ;
`docs/platforms/scim.md` describes them for users.
"""
