"""Why one person is in or out, and how a group or role comes to be theirs."""
