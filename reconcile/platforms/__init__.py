"""Adapters of the Platform port: `sql`, whose tables an application reads directly, and `memory`.

What both share computes and does no I/O: `names` (which object a change's names mean), `recording`
(what the history gets of a run, and loses with an erased person) and `attempts` (how many logins
may fail). `draft` is a state that is being changed, which is all that `memory` needs.
"""
