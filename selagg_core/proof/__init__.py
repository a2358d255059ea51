"""What is really in a picture, by judges that are not attention, and what word maps are worth against it."""
