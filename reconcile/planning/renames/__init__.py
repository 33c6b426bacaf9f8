"""Plans that give new names to sources and users: all of them or none."""
