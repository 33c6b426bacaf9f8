"""What guides people: help, hints, completion, man pages."""
