"""Tests of computing alone: no files, no network, no clock."""
