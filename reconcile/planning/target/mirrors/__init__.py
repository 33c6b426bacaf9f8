"""Groups and departments of directories, mirrored on the platform."""
