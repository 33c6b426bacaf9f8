"""Real SCIM services for the tests, each a process of its own on the loopback interface."""
