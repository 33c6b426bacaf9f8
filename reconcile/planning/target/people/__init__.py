"""Which person is which user, in all sources of a workspace, and who becomes a user."""
