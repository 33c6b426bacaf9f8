"""Whether a plan from a file hands over, or gives, what no rule hands over or gives."""
