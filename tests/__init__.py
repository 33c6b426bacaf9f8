"""Tests: `unit` does no I/O, `contract` is one suite over every adapter, `servers` starts real ones."""
