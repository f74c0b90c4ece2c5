"""What makes an object invalid, in upstream's words: names, metadata, Pods; other kinds in their strategies."""
