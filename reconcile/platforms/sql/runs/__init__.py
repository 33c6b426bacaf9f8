"""What is kept of runs and logins: locks, history, failed attempts."""
