"""Head maps -> one map a word."""
