"""Which entries of a source the rules of the files mean."""
