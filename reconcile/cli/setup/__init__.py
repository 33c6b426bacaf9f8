"""`reconcile init`: its options, its questions, and the files that it writes."""
