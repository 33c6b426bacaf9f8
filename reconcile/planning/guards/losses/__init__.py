"""What the changes of a workspace take away: users, memberships, grants, what they leave empty."""
