"""The sections of a checked document, each turned into its part of the desired state."""
