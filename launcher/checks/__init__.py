"""What `parley doctor` looks at: `check` (context and findings), one file a subject, `all` (their list and order)."""
