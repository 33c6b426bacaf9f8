"""The state that a workspace is to have.

Which person is which user, who is in service, and what each of them should have.
"""
