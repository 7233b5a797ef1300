"""Reports: `text` for a terminal, `page` as one HTML file with charts."""
