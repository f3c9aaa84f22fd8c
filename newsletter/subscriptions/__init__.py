"""The list: who joins it, who leaves it, and how it comes from and goes to other places."""
