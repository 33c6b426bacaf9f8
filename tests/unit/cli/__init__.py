"""What the command line decides without reading or writing anything."""
