"""How fast and how big: `make bench`. Whole processes, measured as ratios to a bare read of the same directory."""
