"""Calls carried out in a workspace's database."""
