"""Real servers that the tests start themselves, on loopback, in temporary folders, without root's services."""
