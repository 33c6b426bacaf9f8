"""What was read of a directory, in a file: planning reads it in place of the directory.

- `file`: bytes ↔ capture. `adapter`: a Directory that answers from a capture.
- `fit`: whether a capture has what the rules ask for, and nothing more than they do.
- `redact`: the same structure with other names.
"""
