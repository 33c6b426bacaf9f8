"""Workspaces of ProcessMaker 3 for the tests: the product's tables, and what the product and people leave in them."""
