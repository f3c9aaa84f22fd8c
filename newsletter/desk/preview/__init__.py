"""`newsletter preview`: a local page that shows an issue and follows its file."""

from newsletter.desk.preview.server import listen, serve
from newsletter.desk.preview.session import PreviewSession

__all__ = ["PreviewSession", "listen", "serve"]
