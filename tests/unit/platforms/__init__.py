"""What the platforms compute."""
