"""The page to watch: the incidents topic, the rules and the group's offsets in; a page, JSON and live events out."""
