"""A prompt in English -> the things, values and relations that it speaks of, without a language model."""
