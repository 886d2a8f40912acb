"""config.yaml and the files that it leads to: read with every mistake at once, checked, and described."""
