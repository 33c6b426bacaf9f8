"""From a server, or from nothing, to a first desired-state file. Nothing here asks a person."""
