"""From searches to a complete snapshot of a source, or none."""
