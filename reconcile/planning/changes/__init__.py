"""What turns the current state into the target, in the order in which it can be done."""
