"""Files of YAML as nodes that know their places, and several of them as one document."""
