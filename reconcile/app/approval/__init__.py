"""What a plan file has to prove before it is applied.

- `digest`: it is the file that was reviewed.
- `signatures`: enough people signed it. `ssh_keygen` makes and verifies signatures.
- `applied_before`: no run has applied it.
- `saved_plan`: a plan file with all of that.
"""
