"""What a deployment decides, read once and handed down as values."""
