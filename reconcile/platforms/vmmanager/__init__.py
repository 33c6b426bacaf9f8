"""Platforms of type `vmmanager`: the accounts of VMmanager 6, by its REST API.

`platform` is the adapter, `installation` is one VMmanager. `listing` proves that a read is
complete, `accounts` translates both ways, `token` and `dialect` are the way there. No source and no
complete description of the API is public: `settings` has a key for each thing that is not known,
and every change is looked up. `docs/platforms/vmmanager.md` describes all of it for users.
"""
