"""Finding people by names, pinyin, words and numbers."""
