"""The token of Biscuit v3, as far as Sigil's profile has it. spec/9-public-key.md §1."""
