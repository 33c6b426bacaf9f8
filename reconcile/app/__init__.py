"""What the commands do, without a command line: no click, no rich, no argv, no printing.

The command line and the Python API of the package both call the functions in here.
"""
