"""One company in four directories: the same scenario in the tree and the words of each product."""
