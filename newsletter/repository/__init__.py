"""An author's own repository: what is written into it, and from which version."""

from newsletter.repository.files import RepositoryFile, render_files
from newsletter.repository.plan import Installation, RepositoryPlan

__all__ = ["Installation", "RepositoryFile", "RepositoryPlan", "render_files"]
