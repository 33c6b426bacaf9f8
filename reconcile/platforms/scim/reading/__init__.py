"""Reads that are proved complete: lists, filters, and who is in which group."""
