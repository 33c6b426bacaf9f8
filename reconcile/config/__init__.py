"""YAML → `DesiredState`: the only place that reads desired-state files, and that knows YAML, JSON Schema or Jinja2.

- `loading`: the whole way, and the order of its steps.
- `documents`, `nodes`: one YAML file as nodes with places. `merging`: several files as one document.
- `schema`: the JSON Schema and what it says, in words. `findings`: problems by path.
- `expressions`: templates over the configuration. `templates`, `shortcuts`: templates over directory entries.
  `sandbox`: the bounds of both.
- `envelopes`, `secrecy`: secrets that are fetched late and never show.
- `checks`, `connections`: what the schema cannot say. `building`: the values of the model.
- `presets`: named sets of defaults. `effective`, `annotated`: the whole configuration, and where each value comes from.
- `initial`: the file that `reconcile init` writes.
"""

from reconcile.config.effective.annotate import annotated
from reconcile.config.effective.effective import Setting, as_data
from reconcile.config.loading import Loaded, load
from reconcile.config.starter import starter

__all__ = ["Loaded", "Setting", "annotated", "as_data", "load", "starter"]
