"""What the JSON Schema demands of a document, in words for people."""
