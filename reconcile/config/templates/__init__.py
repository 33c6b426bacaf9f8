"""Jinja2, bounded: templates over the configuration and over one directory entry."""
