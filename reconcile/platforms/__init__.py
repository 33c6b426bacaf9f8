"""Adapters of the Platform port: `sql`, whose tables an application reads directly, and `memory`.

`names` is what both share: which object a change's names mean. It computes and does no I/O.
"""
