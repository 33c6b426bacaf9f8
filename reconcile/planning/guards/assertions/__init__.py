"""Assertions of the files, judged over the state that changes lead to."""
