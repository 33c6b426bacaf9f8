"""YAML to `DesiredState`: the only package that reads desired-state files.

No other package knows YAML, JSON Schema or Jinja2.

- `loading`: the whole way, and the order of its steps.
- `yaml`: one file as nodes with places; several files as one document.
- `schema`: the JSON Schema and its errors in words; problems by path.
- `templates`: templates over the configuration and over directory entries, and the bounds of both.
- `secrets`: secrets that are fetched late and never shown.
- `sections`: checks beyond the schema, presets, and the values of the model.
- `effective`: the whole configuration, and where each value comes from.
- `places`: the file, line and column of a rule.
- `starter`: the file that `reconcile init` writes.
"""

from reconcile.config.effective.annotate import annotated
from reconcile.config.effective.effective import Setting, as_data
from reconcile.config.loading import Loaded, load
from reconcile.config.secrets.clear_texts import clear_texts
from reconcile.config.starter import starter

__all__ = ["Loaded", "Setting", "annotated", "as_data", "clear_texts", "load", "starter"]
