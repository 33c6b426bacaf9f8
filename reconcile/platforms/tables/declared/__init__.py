"""What the file says, before any table is looked at.

`settings` and their `problems`; `conditions` and `values` read the small languages in them.
"""
