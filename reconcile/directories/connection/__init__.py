"""One connection to a server, in which every wait has an end: connect, protect, bind, search."""
