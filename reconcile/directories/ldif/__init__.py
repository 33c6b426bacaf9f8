"""The adapter for directories exported to LDIF files, and directories in memory."""
