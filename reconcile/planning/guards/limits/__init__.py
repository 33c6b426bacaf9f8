"""`safety.limits`: how much may be lost, changed or emptied, at once and within a window."""
