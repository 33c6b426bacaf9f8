"""What a run takes in, as digests: whether two runs have read the same.

- `tally`: many pieces as one digest. `trace`: what a directory was asked, with a tally of each
  answer. `contents`: what was read of a platform.
"""
