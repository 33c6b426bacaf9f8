"""What a source has, before anything is decided: `preview`, `search`, `tree`."""
