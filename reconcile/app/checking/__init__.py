"""What `validate` looks at beyond the files themselves: nothing here connects to anything."""
