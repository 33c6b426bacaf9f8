"""What a terminal gets: colours, tables that fit, a pager."""
