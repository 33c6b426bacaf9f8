"""Commands that say where things stand: the assertions alone, and the status."""
