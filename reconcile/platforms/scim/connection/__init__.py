"""The way to a service: credentials, pace, requests, and what its answers mean."""
