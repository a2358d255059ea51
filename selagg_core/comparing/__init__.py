"""Two ways to make the same pictures, compared by judges that are not attention."""
