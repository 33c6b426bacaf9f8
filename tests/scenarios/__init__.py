"""Whole stories: configuration, directory and platform before → plan → platform after, and then nothing more to do."""
