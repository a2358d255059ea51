"""`python -m demo.reader`: how well the reader reads, see `reader_accuracy`."""

from ..reader_accuracy import main

main()
