"""Stand-ins for GitHub and GitLab: their jobs are run as they stand, and what they call answers from memory."""
