"""Problems of desired-state files in the forms of pipelines: annotations, code quality, JUnit."""

from reconcile.render.problems.github import github
from reconcile.render.problems.gitlab import gitlab
from reconcile.render.problems.junit import junit

__all__ = ["github", "gitlab", "junit"]
