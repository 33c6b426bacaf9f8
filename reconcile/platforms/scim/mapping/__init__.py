"""Resources of a service as rows of reconcile, and rows as resources. No I/O happens here."""
