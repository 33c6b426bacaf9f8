"""A search and its answers, whichever library carries them.

Values, filters, result codes, addresses.
"""
