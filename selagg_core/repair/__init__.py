"""From findings to changes of attention that mend them, or to advice where no change helps."""
