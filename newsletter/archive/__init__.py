"""What sent issues leave behind: the archive, its search, its feeds, and its static site."""
