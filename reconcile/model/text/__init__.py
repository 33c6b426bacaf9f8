"""Text of names and values.

How it is compared, shown and taken apart. Nothing here knows a directory or a platform.
"""
