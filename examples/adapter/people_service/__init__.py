"""An example of an adapter: `platform` drives the REST service of `service`."""
