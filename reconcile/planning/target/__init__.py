"""The state that a workspace is to have.

Who is which user, who is in service, and what everybody is to have.
"""
